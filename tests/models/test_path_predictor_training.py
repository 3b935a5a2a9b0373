"""What a path predictor compares in training, and what it does not see then."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import kg, models
from tests import toy
from tests.processes import one_and_two


def _predictor(told):
    return models.PathPredictor.from_graph(told, units=8, num_layers=2, aggregate="sum")


class _Seen(keras.losses.Loss):
    """Keeps what it is asked to compare."""

    def call(self, y_true, y_pred):
        self.labels = np.asarray(y_true)
        return tf.reduce_sum(y_pred, axis=-1)


@pytest.mark.parametrize("pipeline", ["queries", "triples"])
def test_labels(pipeline):
    triples = [(0, 0, 1), (0, 0, 2), (0, 0, 3), (4, 0, 1), (0, 1, 4), (2, 1, 2)]
    told = kg.KnowledgeGraph(tuple("abcde"), ["r", "s"], np.array(triples, "int32"))
    model = _predictor(told)
    seen = _Seen()
    model.compile(loss=seen)
    # The second row asks for heads of (?, 0, 1); the third has an answer that the first does not.
    head, relation = [0, 1, 0, 3, 2], [0, 2, 0, 1, 1]
    answers = np.array([[1, 2], [4, -1], [3, -1], [0, -1], [2, -1]], "int32")
    x = {"head": np.array(head), "relation": np.array(relation), "tail": answers[:, 0]}
    expected = np.array(
        [
            [0, 1, 1, -1, 0],
            [-1, 0, 0, 0, 1],
            [0, -1, -1, 1, 0],
            [1, 0, 0, 0, 0],
            [0, 0, 1, 0, 0],
        ]
    )
    if pipeline == "queries":
        x["answers"] = answers
    else:
        expected[0, 2] = -1
    model.compute_loss({name: tf.constant(ids, "int32") for name, ids in x.items()})
    np.testing.assert_array_equal(seen.labels, expected)


def test_weights_stand_in_the_batch():
    told = toy.graph()
    model = _predictor(told)
    model.compile(loss=_Seen())
    names = ("head", "relation", "tail")
    x = {name: tf.constant(ids[:5]) for name, ids in zip(names, told.triples.T, strict=True)}
    with pytest.raises(ValueError, match=r"as `weight`\. Received: `sample_weight`"):
        model.compute_loss(x, sample_weight=tf.ones(5))


def test_a_training_step_does_not_see_what_it_asks_for():
    told = toy.graph()
    model = _predictor(told)
    x = {
        name: tf.constant(ids[:5])
        for name, ids in zip(("head", "relation", "tail"), told.triples.T, strict=True)
    }
    kept = model.with_graph(told.with_triples(told.triples[5:]))
    seen = [_Seen(), _Seen()]
    found = []
    for predictor, loss in zip((model, kept), seen, strict=True):
        predictor.compile(loss=loss)
        found.append(float(predictor.compute_loss(x, training=True)))
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert (seen[0].labels < 0).sum() >= (seen[1].labels < 0).sum()
    # While evaluating, all facts are there.
    assert float(model.compute_loss(x, training=False)) != pytest.approx(found[0], rel=1e-4)


_REPLICAS = """
import json, sys
import keras
from kgkeras import evaluation, graph, losses, models, pipelines, training
from tests import toy

told = toy.graph()
training.set_seed(3)
with training.make_strategy(int(sys.argv[1])).scope():
    facts = graph.FactEdges.from_graph(told)
    encoder = graph.PathEncoder(facts, units=8, num_layers=2, aggregate="pna")
    model = models.PathPredictor(encoder)
    model.compile(keras.optimizers.SGD(0.1), losses.CrossEntropyLoss())
batches = pipelines.query_batches(told.with_inverses(), batch_size=32, max_answers=4)
ranking = evaluation.RankingCallback(told, told)
log = model.fit(
    batches, steps_per_epoch=5, epochs=2, verbose=0, shuffle=False, callbacks=[ranking]
).history
weights = [weight.numpy().ravel().tolist() for weight in model.trainable_variables]
print(json.dumps({"loss": log["loss"], "mrr": log["val_mrr"], "weights": sum(weights, [])}))
"""


@pytest.mark.slow
def test_one_replica_equals_two():
    # Without hiding: each replica hides what its own part of a batch asks for.
    one, two = one_and_two(_REPLICAS)
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-3, atol=1e-4, err_msg=name)
