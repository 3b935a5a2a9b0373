"""Questions about the toy world: learned, counted, saved."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import graph, layers, models, pipelines
from tests import questions, toy
from tests.processes import last_json


@pytest.fixture(scope="module")
def world():
    facts = questions.facts()
    return facts, *questions.encoded(facts)


@pytest.fixture(scope="module")
def learned(world):
    """A model that has learned from four fifths of the questions, and its log."""
    facts, inputs, labels = world
    keras.utils.set_random_seed(7)
    model = questions.model(facts)
    train = np.arange(len(labels)) % 5 > 0
    history = model.fit(
        questions.rows(inputs, train), labels[train], batch_size=64, epochs=12, verbose=0
    )
    return model, history.history


@pytest.fixture
def unseen(world):
    _, inputs, labels = world
    return questions.rows(inputs, slice(0, None, 5)), labels[::5]


def _outputs(model, inputs):
    return {name: np.asarray(x) for name, x in model(inputs).items()}


def _hits(outputs, labels):
    """The share of answers among the entities that share a question's best score."""
    shares = []
    for answers, scores, wanted in zip(outputs["answers"], outputs["scores"], labels, strict=True):
        best = answers[(scores == scores[0]) & (answers >= 0)]
        shares.append(np.isin(best, wanted[wanted >= 0]).mean() if len(best) else 0.0)
    return np.mean(shares)


def test_learns_questions_of_one_and_two_hops(learned, unseen):
    model, history = learned
    assert set(history) == {"loss", "hits@1"}
    assert history["hits@1"][0] < 0.9 < history["hits@1"][-1]
    inputs, labels = unseen
    figures = model.evaluate(inputs, labels, batch_size=64, verbose=0, return_dict=True)
    assert figures["hits@1"] == 1.0
    outputs = model.predict(inputs, verbose=0)
    two = inputs["token_ids"][:, 4] != 9
    assert 0 < two.sum() < len(two)
    np.testing.assert_array_equal(outputs["hop_weights"].argmax(axis=1), two)
    known = set(map(tuple, questions.facts().triples.tolist()))
    for row, walks in enumerate(outputs["facts"].tolist()):
        steps = walks[0][: 1 + two[row]]
        assert set(map(tuple, steps)) <= known
        assert steps[0][0] == inputs["entity_ids"][row, 1]
        assert steps[0][1] == inputs["token_ids"][row, 3]
        assert steps[-1][2] == outputs["answers"][row, 0]
        if two[row]:
            assert steps[0][2] == steps[1][0]
            assert steps[1][1] == inputs["token_ids"][row, 4] - 10


@pytest.mark.parametrize("hops", [1, 2])
def test_hits_and_loss_are_those_of_its_scores(world, hops):
    """Of an untrained model, whose scores are far from all right; those of one hop often tie."""
    facts, inputs, labels = world
    keras.utils.set_random_seed(0)
    model = questions.model(facts, hops)
    inputs, labels = (
        questions.rows(inputs, slice(100)),
        np.where(labels[:100] > 20, -1, labels[:100]),
    )
    index = model.walk.facts
    every = graph.RelationWalk(index, hops, k=toy.NUM_ENTITIES)
    full = models.QuestionAnswerer(model.encoder, every, model.reader, mention_id=questions.MENTION)
    outputs = _outputs(full, inputs)
    tied = outputs["scores"][:, 0] == outputs["scores"][:, 1]
    assert hops == 2 or 5 < tied.sum() < 100
    figures = model.evaluate(inputs, labels, batch_size=32, verbose=0, return_dict=True)
    assert 0.01 < figures["hits@1"] < 0.5
    np.testing.assert_allclose(figures["hits@1"], _hits(outputs, labels), rtol=1e-5)
    losses = []
    for answers, scores, wanted in zip(outputs["answers"], outputs["scores"], labels, strict=True):
        wanted = wanted[wanted >= 0]
        found = dict(zip(answers.tolist(), scores.astype("float64"), strict=True))
        right = np.array([found.get(answer, 0.0) for answer in wanted.tolist()])
        # Nothing is asked of the share where no answer can be reached.
        share = -np.log((right.sum() + 1e-6) / (sum(found.values()) + 1e-6)) * (right.sum() > 0)
        losses.append(share - np.log(right + 1e-3).mean() if len(wanted) else 0.0)
    assert 0.0 in losses
    np.testing.assert_allclose(figures["loss"], np.mean(losses), rtol=1e-4)
    weights = np.random.default_rng(0).uniform(0, 2, 100).astype("float32")
    weighted = model.evaluate(
        inputs, labels, sample_weight=weights, batch_size=50, verbose=0, return_dict=True
    )["loss"]
    by_batch = (weights * losses).reshape(2, 50)
    expected = np.average(by_batch.mean(axis=1), weights=[50, 50])
    np.testing.assert_allclose(weighted, expected, rtol=1e-4)


def _gradients(model, inputs, labels, sample_weight=None):
    with tf.GradientTape() as tape:
        outputs = model(inputs, training=True)
        loss = model.compute_loss(inputs, labels, outputs, sample_weight)
    weights = [weight.value for weight in model.trainable_weights]
    return [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]


def test_every_weight_learns_and_weightless_questions_teach_nothing(world):
    facts, inputs, labels = world
    model = questions.model(facts)
    inputs, labels = questions.rows(inputs, slice(6)), labels[:6]
    half = questions.rows(inputs, slice(3))
    wanted = _gradients(model, half, labels[:3])
    assert all(np.any(gradient != 0) for gradient in wanted)
    weights = np.array([1, 1, 1, 0, 0, 0], "float32")
    without_answers = np.where(weights[:, None] > 0, labels, -1)
    nobody = {**inputs, "entity_ids": np.where(weights[:, None] > 0, inputs["entity_ids"], -1)}
    for found in (
        _gradients(model, inputs, labels, weights),
        _gradients(model, inputs, without_answers),
        _gradients(model, nobody, labels),
    ):
        for one, two in zip(found, wanted, strict=True):
            np.testing.assert_allclose(2 * one, two, rtol=1e-3, atol=1e-6)


def test_same_after_saving(learned, unseen, tmp_path):
    model, _ = learned
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    inputs, labels = unseen
    one, two = (_outputs(each, inputs) for each in (model, loaded))
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])
    assert loaded.evaluate(inputs, labels, verbose=0, return_dict=True)["hits@1"] == 1.0


def test_a_question_about_nobody_has_no_answer(learned, unseen):
    model, _ = learned
    inputs, labels = unseen
    inputs, labels = questions.rows(inputs, slice(3)), labels[:3]
    alone = _outputs(model, inputs)
    inputs["entity_ids"][1] = -1
    outputs = _outputs(model, inputs)
    assert (outputs["answers"][1] == -1).all()
    assert (outputs["facts"][1] == -1).all()
    assert not outputs["scores"][1].any()
    for name in ("answers", "scores", "facts"):
        np.testing.assert_array_equal(outputs[name][[0, 2]], alone[name][[0, 2]])
    nobody = questions.rows(inputs, [1, 1])
    figures = model.evaluate(nobody, labels[:2], verbose=0, return_dict=True)
    assert figures["hits@1"] == 0
    np.testing.assert_allclose(figures["loss"], -np.log(1e-3), rtol=1e-5)


def test_padding_and_further_inputs_do_not_matter(learned, unseen):
    model, _ = learned
    inputs, labels = unseen
    wanted = model.predict(inputs, verbose=0)
    longer = {
        name: np.pad(column, [[0, 0], [0, 4]], constant_values=fill)
        for (name, column), fill in zip(inputs.items(), (31, False, -1), strict=True)
    }
    longer["token_ids"] = np.where(longer["padding_mask"], longer["token_ids"], 31)
    longer["number"] = np.arange(len(labels))
    found = model.predict(longer, verbose=0)
    for name in ("scores", "hop_weights", "relation_weights"):
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-4, atol=1e-6)
    more = np.pad(labels, [[0, 0], [3, 1]], constant_values=-9)
    one, two = (
        model.evaluate(x, y, verbose=0, return_dict=True)
        for x, y in ((inputs, labels), (longer, more.astype("int64")))
    )
    np.testing.assert_allclose(one["loss"], two["loss"], rtol=1e-4)


def test_the_mention_token_stands_for_every_name(learned, unseen):
    model, _ = learned
    inputs, _ = unseen
    renamed = {**inputs, "token_ids": np.where(inputs["entity_ids"] >= 0, 33, inputs["token_ids"])}
    wanted = _outputs(model, inputs)["scores"]
    np.testing.assert_array_equal(_outputs(model, renamed)["scores"], wanted)
    walk, reader = model.walk, model.reader
    plain = models.QuestionAnswerer(model.encoder, walk, reader)
    assert plain.get_config()["mention_id"] is None
    assert not np.allclose(_outputs(plain, renamed)["scores"], wanted)


def test_starts_from_several_entities(world):
    facts, inputs, _ = world
    model = questions.model(facts, max_mentions=2)
    inputs = questions.rows(inputs, slice(1))
    inputs["entity_ids"][0, 5:8] = 3, 4, 4  # 3 is the second mention, 4 the third
    outputs = _outputs(model, inputs)
    first = int(inputs["entity_ids"][0, 1])
    seeds = np.array([[first, 3]], "int32")
    found = model.walk(seeds, outputs["relation_weights"], outputs["hop_weights"])
    np.testing.assert_allclose(outputs["scores"], found["scores"], rtol=1e-5)
    assert len(np.unique(outputs["facts"][0, :, 0, 0])) == 2


def test_losses_that_layers_add_count(world):
    facts, inputs, labels = world
    model = questions.model(facts)
    inputs, labels = questions.rows(inputs, slice(32)), labels[:32]
    plain = model.evaluate(inputs, labels, verbose=0, return_dict=True)["loss"]
    words = model.encoder.get_layer("words")
    words.embeddings.regularizer = keras.regularizers.L2(0.5)
    model.compile()
    more = model.evaluate(inputs, labels, verbose=0, return_dict=True)["loss"]
    expected = 0.5 * np.square(np.asarray(words.embeddings)).sum()
    np.testing.assert_allclose(more - plain, expected, rtol=1e-4)


def test_is_not_compiled_by_xla(world):
    model = questions.model(world[0])
    assert not model.jit_compile


def test_learns_from_batches_of_texts(world):
    facts, inputs, labels = world
    model = questions.model(facts)
    batches = pipelines.joint_batches(inputs, labels, batch_size=64)
    valid = pipelines.text_batches(questions.rows(inputs, slice(64)), labels[:64], 32)
    arguments = {"steps_per_epoch": 5, "shuffle": False, "verbose": 0}
    history = model.fit(batches, epochs=2, validation_data=valid, **arguments).history
    assert set(history) == {"loss", "hits@1", "val_loss", "val_hits@1"}
    assert history["loss"][1] < history["loss"][0]


_SCRIPT = """
import json
from kgkeras import training
strategy = training.make_strategy(2)
import contextlib
from tests import questions

facts = questions.facts()
inputs, labels = questions.encoded(facts)
rows, held = slice(0, 128), slice(128, 192)
logs = []
for scope in (contextlib.nullcontext(), strategy.scope()):
    training.set_seed(3)
    with scope:
        model = questions.model(facts)
    log = model.fit(
        questions.rows(inputs, rows), labels[rows], batch_size=32, epochs=2, shuffle=False,
        validation_data=(questions.rows(inputs, held), labels[held]), verbose=0,
    ).history
    log["weights"] = [float(abs(w).sum()) for w in model.get_weights()]
    logs.append(log)
print(json.dumps(logs))
"""


@pytest.mark.slow
def test_one_replica_equals_two():
    one, two = last_json(_SCRIPT)
    assert set(one) == {"loss", "hits@1", "val_loss", "val_hits@1", "weights"}
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=5e-4, atol=1e-5, err_msg=name)


def test_bad_arguments(world):
    facts, inputs, _ = world
    model = questions.model(facts)
    encoder, walk = model.encoder, model.walk
    with pytest.raises(ValueError, match=r"`walk` must be a kgkeras\.graph\.RelationWalk\. Receiv"):
        models.QuestionAnswerer(encoder, walk.facts)
    with pytest.raises(ValueError, match="`max_mentions` must be a positive integer"):
        models.QuestionAnswerer(encoder, walk, max_mentions=0)
    with pytest.raises(ValueError, match="`mention_id` must be finite and at least 0"):
        models.QuestionAnswerer(encoder, walk, mention_id=-1)
    for reader in (layers.HopReader(5, 2), layers.HopReader(6, 3)):
        with pytest.raises(ValueError, match=r"`relation_weights` must be \(batch, 2, 6\)"):
            models.QuestionAnswerer(encoder, walk, reader)
    few, wrong = questions.rows(inputs, slice(4)), np.full((4, 1), toy.NUM_ENTITIES, "int32")
    with pytest.raises(tf.errors.InvalidArgumentError, match="`answers` must be ids below 30"):
        model.evaluate(few, wrong, verbose=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`seeds` must be ids below 30"):
        model.predict({**few, "entity_ids": np.full((4, 10), 30, "int32")}, verbose=0)
    with pytest.raises(ValueError, match=r"`y` must hold ids .* Received: shape"):
        model.evaluate(few, wrong[:, 0], verbose=0)
    with pytest.raises(ValueError, match=r"`y` must hold ids of answers.* Received: None"):
        model.evaluate(few, verbose=0)
