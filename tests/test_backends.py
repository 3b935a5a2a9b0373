"""Layers, scorers, losses and models use `keras.ops` alone: another backend, the same numbers."""

import numpy as np
import pytest

from tests.processes import last_json

_SCRIPT = """
import json, sys
import numpy as np
import keras
from kgkeras import evaluation, kg, layers, losses, models, regularizers, scorers

def randomise(thing):
    rng = np.random.default_rng(1)
    thing.set_weights([rng.normal(size=w.shape) / 3 for w in thing.get_weights()])

rng = np.random.default_rng(0)
results = {}
head, tail = (rng.normal(size=(4, 13)).astype("float32") for _ in range(2))
for scorer in (
    *(kind(norm) for kind in (scorers.TransE, scorers.TransH, scorers.RotatE, scorers.PairRE)
      for norm in (1, 2)),
    scorers.DistMult(), scorers.ComplEx(), scorers.RESCAL(), scorers.CP(), scorers.SimplE(),
    scorers.TuckER(relation_dim=3), scorers.QuatE(), scorers.ConvE(height=3), scorers.MuRE(),
):
    name = type(scorer).__name__ + str(getattr(scorer, "norm", ""))
    dim = 13 if name == "ConvE" else 12
    triple = head[:, :dim], rng.normal(size=(4, scorer.relation_dim(dim))), tail[:, :dim]
    scorer(*triple)
    randomise(scorer)
    results[name] = scorer(*triple)
    for side in ("score_tails", "score_heads", "score_relations", "factors"):
        values = getattr(scorer, side)(*triple)
        results[name + side] = np.concatenate([np.ravel(value) for value in values])
y_true = np.array([[1.0, 0.0, 0.0, -1.0]], "float32")
results["loss"] = losses.NegativeSamplingLoss(2.0)(y_true, head[:1, :4])

token_ids = keras.Input((None,), dtype="int32", name="token_ids")
padding_mask = keras.Input((None,), dtype="bool", name="padding_mask")
words = keras.layers.Embedding(20, 8)(token_ids)
inputs = {
    "token_ids": rng.integers(1, 20, (3, 7)).astype("int32"),
    "padding_mask": np.arange(7) < np.array([[7], [4], [1]]),
    "entity_ids": np.array([[0, 0, -1, 2, -1, -1, 3], [1] + [-1] * 6, [-1] * 7], "int32"),
}
for fusion in (layers.SumFusion, layers.ConcatFusion, layers.GatedFusion, layers.AttentionFusion):
    model = models.JointModel(
        keras.Model({"token_ids": token_ids, "padding_mask": padding_mask}, words),
        layers.ClassificationHead(3, hidden_dim=5),
        layers.TripleEmbedding.from_sizes(4, 2, 6),
        fusion(),
        scorers.ComplEx(),
    )
    randomise(model)
    results[fusion.__name__] = model(inputs)

model = models.RelationClassifier(
    keras.Model({"token_ids": token_ids, "padding_mask": padding_mask}, words),
    layers.ClassificationHead(3),
    (16, 17, 18, 19),
    layers.TripleEmbedding.from_sizes(4, 2, 6),
    layers.GatedFusion(),
    scorers.ComplEx(),
)
randomise(model)
marked = {name: np.array(column) for name, column in inputs.items()}
marked["token_ids"][:, :7] = [18, 3, 19, 16, 4, 5, 17]
marked["entity_ids"][0] = [-1, 3, -1, -1, 1, 2, -1]
results["marked"] = model.marked_entities(marked)
results["relations"] = model(marked)
adapter = layers.TransformerAdapter(4, num_heads=2)
adapter(rng.normal(size=(2, 3, 6)).astype("float32"), np.array([[True] * 3, [True, False, False]]))
randomise(adapter)
text = np.random.default_rng(2).normal(size=(2, 3, 6)).astype("float32")
results["adapter"] = adapter(text, np.array([[True] * 3, [True, False, False]]))

facts = kg.KnowledgeGraph(
    [f"e{i}" for i in range(6)], ["r", "s"], rng.integers(0, 2, (8, 3)) + np.array([[0, 0, 4]])
)
head, relation, tail = facts.with_inverses().triples.T
predictor = models.LinkPredictor.from_graph(
    facts, scorers.ComplEx(), 8, regularizer=regularizers.N3(0.1), relation_weight=0.5
)
randomise(predictor)
predictor.compile(keras.optimizers.SGD(0.1), losses.CrossEntropyLoss())
inputs = {"head": head, "relation": relation, "tail": tail}
history = predictor.fit(inputs, batch_size=8, epochs=2, shuffle=False, verbose=0).history
results["fit"] = predictor.entity_vectors()
results["history"] = np.array([history["loss"], history["penalty"], history["relation_loss"]])
results["rank"] = evaluation.rank(predictor, facts, facts).ranks("tail")
results = {name: np.asarray(value).tolist() for name, value in results.items()}
print(json.dumps({"backend": keras.backend.backend(), "results": results}))
"""


def _results(backend):
    output = last_json(_SCRIPT, KERAS_BACKEND=backend)
    assert output["backend"] == backend
    return output["results"]


@pytest.mark.slow
def test_jax_gives_the_same_numbers():
    pytest.importorskip("jax")
    tensorflow, jax = _results("tensorflow"), _results("jax")
    assert tensorflow.keys() == jax.keys()
    for name, expected in tensorflow.items():
        np.testing.assert_allclose(jax[name], expected, rtol=1e-4, atol=1e-5, err_msg=name)
