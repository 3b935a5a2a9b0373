"""The bi-encoder's scores, losses and ranks, beside NumPy's own computation."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import evaluation, layers, losses, models, pipelines
from tests import lands

BATCH = 8


@pytest.fixture(scope="module")
def world():
    facts = lands.graph()
    return facts, lands.texts(facts)


def _batch(world, skip=0, **arguments):
    facts, texts = world
    batches = pipelines.text_triple_batches(
        facts.with_inverses(), texts, batch_size=BATCH, **arguments
    )
    return next(iter(batches.skip(skip)))


def _compiled(optimizer="sgd", **arguments):
    model = lands.model(**arguments)
    model.compile(optimizer, losses.CrossEntropyLoss())
    return model


def _log_softmax_loss(scores, labels):
    """The mean of -log of each row's own share among what is not ignored."""
    total = 0.0
    for row, label in zip(scores, labels, strict=True):
        total += np.log(np.exp(row[label >= 0]).sum()) - row[label == 1].item()
    return total / len(scores)


def _loss(model, x, training=True):
    return float(model.compute_loss(x, None, model(x, training=training), training=training))


@pytest.mark.parametrize("margin", [0.0, 0.3])
@pytest.mark.parametrize("both_directions", [False, True])
def test_loss(world, margin, both_directions):
    x = _batch(world, both_directions=both_directions)
    model = _compiled(temperature=0.1, margin=margin)
    queries, tails, heads = lands.triple_vectors(model, world[1], x)
    outputs = model(x)
    np.testing.assert_allclose(outputs["query"], queries / 0.1, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(outputs["tail"], tails, rtol=1e-4, atol=1e-5)
    labels = x["labels"].numpy()
    cosines = np.concatenate([queries @ tails.T, (queries * heads).sum(1, keepdims=True)], axis=1)
    expected = _log_softmax_loss((cosines - margin * (labels == 1)) / 0.1, labels)
    if both_directions:
        asked = (tails @ queries.T - margin * np.eye(BATCH)) / 0.1
        expected += _log_softmax_loss(asked, x["query_labels"].numpy())
    np.testing.assert_allclose(_loss(model, x), expected, rtol=1e-4)


@pytest.mark.parametrize("both_directions", [False, True])
def test_added_losses_count_once(world, both_directions):
    x = _batch(world, both_directions=both_directions)
    model = _compiled()
    before = _loss(model, x)
    table = next(weight for weight in model.trainable_variables if "embeddings" in weight.path)
    table.regularizer = keras.regularizers.L2(0.5)
    penalty = 0.5 * float(np.sum(np.square(table.numpy())))
    np.testing.assert_allclose(_loss(model, x), before + penalty, rtol=1e-4)


def test_known_triples_are_no_negatives(world):
    x = _batch(world)
    known = (x["labels"].numpy() == -1).any(axis=0)
    model = _compiled()
    # A tail's own row changes with it, and those that it is a negative of.
    slopes = []
    for labels in (x["labels"], tf.where(x["labels"] < 0, tf.zeros_like(x["labels"]), x["labels"])):
        slopes.append(_loss(model, {**x, "labels": labels}))
    assert known.any() == (slopes[1] > slopes[0] + 1e-3)
    assert known.any()


def test_each_kind_of_negative_counts(world):
    x = _batch(world, skip=1, queue_size=BATCH)
    model = _compiled(queue_size=BATCH, temperature=1.0)
    model.queue.push(tf.random.normal((BATCH, 8), seed=1), x["queued"][:, 0])
    whole = _loss(model, x, training=False), _with_queue(model, x)
    labels = x["labels"].numpy()
    for column in (0, BATCH, BATCH + 1):  # in the batch, the own head, and before the batch
        row = int(np.flatnonzero(labels[:, column] == 0)[0])
        fewer = labels.copy()
        fewer[row, column] = -1
        assert _with_queue(model, {**x, "labels": tf.constant(fewer)}) < whole[1] - 1e-4
    # Evaluation does not ask the queue.
    fewer = labels.copy()
    fewer[:, BATCH + 1 :] = -1
    assert _loss(model, {**x, "labels": tf.constant(fewer)}, training=False) == whole[0]
    assert whole[1] > whole[0]


def _with_queue(model, x):
    """The loss of a training step that leaves the queue as it was."""
    before = [variable.numpy() for variable in model.queue.variables]
    loss = _loss(model, x)
    for variable, value in zip(model.queue.variables, before, strict=True):
        variable.assign(value)
    return loss


def test_the_queue_counts_what_it_holds(world):
    model = _compiled(queue_size=2 * BATCH)
    batches = [_batch(world, skip=i, queue_size=2 * BATCH) for i in range(3)]
    for step, x in enumerate(batches):
        queries, tails, heads = lands.triple_vectors(model, world[1], x)
        before = [
            lands.triple_vectors(model, world[1], old)[1]
            for old in batches[max(step - 2, 0) : step]
        ]
        columns = [queries @ tails.T, (queries * heads).sum(1, keepdims=True)]
        columns += [np.zeros((BATCH, BATCH))] * (2 - len(before)) + [
            queries @ old.T for old in before
        ]
        labels = x["labels"].numpy()
        scores = (np.concatenate(columns, axis=1) - 0.02 * (labels == 1)) / 0.05
        np.testing.assert_allclose(_loss(model, x), _log_softmax_loss(scores, labels), rtol=1e-4)
        np.testing.assert_array_equal(model.queue.ids[-BATCH:], x["tail"])
    # A queue of other tails than those that the batch speaks of is ignored.
    x = _batch(world, skip=5, queue_size=2 * BATCH)
    plain = {**x, "labels": x["labels"][:, : BATCH + 1]}
    del plain["queued"]
    np.testing.assert_allclose(_loss(model, x), _loss(model, plain), rtol=1e-6)


def test_order_in_the_batch_does_not_matter(world):
    x = _batch(world)
    model = _compiled()
    order = np.array([3, 1, 7, 0, 2, 6, 5, 4])
    permuted = {name: tf.gather(value, order) for name, value in x.items()}
    labels = permuted["labels"].numpy()
    permuted["labels"] = tf.constant(np.concatenate([labels[:, order], labels[:, BATCH:]], axis=1))
    np.testing.assert_allclose(_loss(model, permuted), _loss(model, x), rtol=1e-5)
    logits = model.candidate_logits(x, model(x)).numpy()
    np.testing.assert_allclose(
        model.candidate_logits(permuted, model(permuted)), logits[order][:, order], rtol=1e-5
    )


def test_gradients_reach_all_weights(world):
    x = _batch(world)
    other = lands.encoder(name="other")
    model = _compiled(entity_encoder=other, head=keras.layers.Dense(6, name="head"))
    assert model.dim == 6
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, None, model(x, training=True))
    weights = model.trainable_weights
    assert len(weights) == 5
    for weight, gradient in zip(
        weights, tape.gradient(loss, [w.value for w in weights]), strict=True
    ):
        assert np.any(tf.convert_to_tensor(gradient) != 0), weight.path


def test_temperature_may_be_fixed(world):
    model = _compiled(temperature=0.2, learn_temperature=False)
    np.testing.assert_allclose(model.sharpness.factor(), 5.0, rtol=1e-6)
    assert len(model.trainable_weights) == 1
    assert len(_compiled().trainable_weights) == 2


@pytest.mark.slow
def test_learns_and_knows_entities_it_has_never_seen():
    whole = lands.graph()
    unseen = ("ilma_city", "jora_tongue")
    facts = lands.graph(without=unseen)
    assert facts.num_entities == 28
    model = _compiled(keras.optimizers.Adam(0.05), dim=16, queue_size=BATCH)
    texts = lands.texts(facts)
    before = evaluation.rank(model.index(texts), facts, facts).metrics()["mrr"]
    told = facts.with_inverses()
    batches = pipelines.text_triple_batches(told, texts, batch_size=BATCH, queue_size=BATCH)
    log = model.fit(
        batches,
        steps_per_epoch=pipelines.triple_steps(told, BATCH),
        epochs=30,
        callbacks=[evaluation.RankingCallback(facts, facts, every=15)],
        shuffle=False,
        verbose=0,
    ).history
    after = evaluation.rank(model.index(texts), facts, facts).metrics()["mrr"]
    assert before < 0.6
    assert after > 0.9
    assert log["val_mrr"][-1] > log["val_mrr"][0]
    assert log["accuracy"][-1] > 0.9
    assert log["loss"][-1] < 0.5 * log["loss"][0]
    # Another list of entities, another index; the model has not seen the two.
    names = models.Vocabulary.from_graph(whole)
    index = model.index(lands.texts(whole), vocabulary=names)
    assert index.top_tails("ilma_land", "capital", k=1)[0].identifier == "ilma_city"
    assert index.top_tails("jora_land", "language", k=1)[0].identifier == "jora_tongue"
    assert index.top_heads("capital", "ilma_city", k=1)[0].identifier == "ilma_land"
    nearest = [answer.identifier for answer in index.nearest_entities("ilma_city", k=29)]
    assert len(nearest) == 29
    assert len(index.top_relations("ilma_land", "ilma_city", k=2)) == 2


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_saves_and_reloads(world, dtype, tmp_path):
    facts, texts = world
    keras.config.set_dtype_policy(dtype)
    try:
        model = _compiled(
            entity_encoder=lands.encoder(name="other"),
            pooling=layers.TokenPooling([2]),
            head=keras.layers.Dense(6),
            temperature=0.3,
            margin=0.1,
            queue_size=BATCH,
        )
        told = facts.with_inverses()
        batches = pipelines.text_triple_batches(told, texts, batch_size=BATCH, queue_size=BATCH)
        model.fit(batches, steps_per_epoch=2, verbose=0, shuffle=False)
        model.index(texts)  # is not saved
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        assert json.dumps(again.get_config()) == json.dumps(model.get_config())
        x = _batch(world, skip=2, queue_size=BATCH)
        assert _loss(again, x) == _loss(model, x)
        np.testing.assert_array_equal(
            again.index(texts).entity_vectors(), model.index(texts).entity_vectors()
        )
        assert model(x)["query"].dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


def test_wrong_arguments(world):
    with pytest.raises(ValueError, match="`temperature` must be above 0"):
        lands.model(temperature=0)
    with pytest.raises(ValueError, match="`margin` must be finite and at least 0"):
        lands.model(margin=-1)
    with pytest.raises(ValueError, match="`queue_size` must be a whole number"):
        lands.model(queue_size=1.5)
    with pytest.raises(ValueError, match=r"as long as those of `encoder`, 8. Received: 4"):
        lands.model(entity_encoder=lands.encoder(4, name="other"))
    with pytest.raises(ValueError, match="call `index` with their texts"):
        lands.model().score_tails(np.array([0]), np.array([0]))
    x = _batch(world, queue_size=BATCH)
    with pytest.raises(ValueError, match=r"have a queue of 8 tails.*Received: queue_size=0"):
        _loss(_compiled(), x)
    with pytest.raises(ValueError, match=r"for each of 9 candidates. Received: 8 columns"):
        _loss(_compiled(), {**_batch(world), "labels": x["labels"][:, :8]})
    with pytest.raises(ValueError, match="must name 30 entities and 2 relations"):
        lands.model().index(world[1], vocabulary=models.Vocabulary(("a",), ("r",)))


def test_a_queue_is_asked_by_batches_of_any_size(world):
    facts, texts = world
    model = _compiled(queue_size=2 * BATCH)
    for batch_size in (BATCH, 2 * BATCH):
        batches = pipelines.text_triple_batches(
            facts.with_inverses(), texts, batch_size=batch_size, queue_size=2 * BATCH
        )
        model.fit(batches, steps_per_epoch=3, verbose=0, shuffle=False)
        ids = [x["tail"] for x in batches.take(3)]
        np.testing.assert_array_equal(model.queue.ids, np.concatenate(ids)[-2 * BATCH :])
