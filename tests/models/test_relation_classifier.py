"""A sentence with two marked mentions, judged with what the graph knows about the two."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import layers, losses, models, pipelines, scorers, text
from tests import marked, toy

FUSIONS = [None, layers.GatedFusion, layers.AttentionFusion]
SLOW = [pytest.param(fusion, marks=pytest.mark.slow) for fusion in FUSIONS[2:]]


@pytest.fixture(scope="module")
def world():
    facts = toy.graph()
    return facts, *marked.sentences(facts, 512)


@pytest.fixture(scope="module")
def unseen(world):
    return marked.sentences(world[0], 128, seed=9)


def _accuracy(model, sentences):
    inputs, labels = sentences
    return np.mean(model.predict(inputs, verbose=0).argmax(axis=-1) == labels)


def test_learns_from_the_graph_what_the_words_do_not_tell(world, unseen):
    facts, inputs, labels = world
    text_only, knowing = marked.classifier(knows=False), marked.classifier(layers.GatedFusion())
    toy.fit(text_only, None, inputs, labels, 10)
    log = toy.fit(knowing, facts, inputs, labels, 10)
    assert _accuracy(knowing, unseen) > 0.9
    assert _accuracy(text_only, unseen) < 0.5
    assert log["kg_loss"][-1] < 0.85 * log["kg_loss"][0]


@pytest.mark.parametrize("fusion", [*FUSIONS[:2], *SLOW])
def test_saves_reloads_and_predicts_the_same(world, fusion, tmp_path):
    facts, inputs, labels = world
    fusion = fusion and fusion()
    arguments = {"scorer": scorers.ComplEx(), "kg_loss": losses.NegativeSamplingLoss(3.0)}
    model = marked.classifier(fusion, **arguments)
    toy.fit(model, facts, inputs, labels, 1)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.predict(inputs, verbose=0), model.predict(inputs, verbose=0)
    )
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())
    assert again.marks == marked.MARKS
    toy.fit(again, facts, inputs, labels, 1)  # both objectives are still there


def test_frozen_parts_stay_frozen(world, tmp_path):
    head = layers.ClassificationHead(3, hidden_dim=4)
    model = marked.classifier(layers.GatedFusion(), head=head)
    head.trainable = False
    model.fusion.trainable = False
    model.triples.trainable = False
    model.compile("sgd", head.loss(), jit_compile=False)
    toy.fit(model, world[0], *world[1:], 1)
    left = [weight.path for weight in model.trainable_weights]
    assert left == [weight.path for weight in model.encoder.weights]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert [weight.path for weight in again.trainable_weights] == left
    again.head.trainable = True
    assert len(again.trainable_weights) == len(left) + 4


def test_every_weight_gets_a_gradient(world):
    facts, inputs, labels = world
    model = marked.classifier(layers.GatedFusion(), scorer=scorers.TransE())
    x, y = next(iter(pipelines.joint_batches(inputs, labels, facts, batch_size=64)))
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y, model(x, training=True))
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.any(tf.convert_to_tensor(gradient) != 0), weight.path


def test_losses_are_those_of_the_joint_model(world):
    facts, inputs, labels = world
    model = marked.classifier(kg_weight=0.5)
    log = toy.fit(model, facts, inputs, labels, 1)
    np.testing.assert_allclose(
        log["loss"][0], log["task_loss"][0] + 0.5 * log["kg_loss"][0], rtol=1e-5
    )


def test_the_order_of_mentions_is_that_of_the_marks(world):
    _, inputs, _ = world
    model = marked.classifier()
    ids = inputs["entity_ids"]
    np.testing.assert_array_equal(model.marked_entities(inputs), ids[:, [2, 6]])
    swapped = {**inputs, "token_ids": inputs["token_ids"].copy()}
    swapped["token_ids"][:, [1, 3, 5, 7]] = [48, 49, 46, 47]
    np.testing.assert_array_equal(model.marked_entities(swapped), ids[:, [6, 2]])


def test_an_unlinked_mention_is_judged_by_the_words(world):
    _, inputs, _ = world
    model, unlinked = marked.classifier(layers.SumFusion()), dict(inputs)
    unlinked["entity_ids"] = np.full_like(inputs["entity_ids"], -1)
    logits = model.predict(unlinked, verbose=0)
    table = model.triples.entities.table
    table.assign(table + 1.0)
    np.testing.assert_array_equal(model.predict(unlinked, verbose=0), logits)
    # One that is linked outside the marks reaches the words, but not the pair.
    unlinked["entity_ids"][:, 0] = 3
    np.testing.assert_array_equal(model.marked_entities(unlinked), -1)


def test_padding_changes_nothing(world):
    _, inputs, _ = world
    fills = {"token_ids": 0, "padding_mask": False, "entity_ids": -1}
    padded = {
        name: np.pad(column, [[0, 0], [0, 6]], constant_values=fills[name])
        for name, column in inputs.items()
    }
    for fusion in FUSIONS:
        model = marked.classifier(fusion and fusion())
        np.testing.assert_allclose(
            model.predict(padded, verbose=0), model.predict(inputs, verbose=0), atol=1e-5
        )


def test_fusion_weights(world):
    _, inputs, _ = world
    weights = marked.classifier(layers.GatedFusion()).fusion_weights().predict(inputs, verbose=0)
    # The words of the mentions, and the marks that open them.
    wanted = (inputs["entity_ids"] >= 0) | np.isin(inputs["token_ids"], marked.MARKS[::2])
    np.testing.assert_array_equal(weights > 0, wanted)
    with pytest.raises(ValueError, match="Only fusion layers that weigh knowledge"):
        marked.classifier().fusion_weights()


@pytest.mark.parametrize("adapted", [False, True])
@pytest.mark.slow
def test_fuses_within_the_encoder(world, tmp_path, adapted):
    facts, inputs, labels = world
    encoder = text.TransformerEncoder(toy.VOCABULARY, 8, 2, 2, max_length=10, dropout=0.0)
    if adapted:
        encoder = text.AdaptedEncoder(encoder, [layers.Adapter(4)])
    model = marked.classifier(layers.GatedFusion(), encoder=encoder, fusion_after=1)
    toy.fit(model, facts, inputs, labels, 1)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.predict(inputs, verbose=0), model.predict(inputs, verbose=0)
    )
    paths, back = ([w.path for w in m.trainable_weights] for m in (model, again))
    assert [path.split("/")[-2:] for path in back] == [path.split("/")[-2:] for path in paths]
    assert any("layer_0" in path for path in paths) is not adapted
    weights = again.fusion_weights().predict(inputs, verbose=0)
    assert weights.shape == inputs["token_ids"].shape
    other = {**inputs, "entity_ids": inputs["entity_ids"] * 0 - 1}
    assert not np.allclose(model.predict(other, verbose=0), model.predict(inputs, verbose=0))


def test_mixed_precision(world):
    facts, inputs, labels = world
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = marked.classifier(layers.GatedFusion())
    finally:
        keras.config.set_dtype_policy("float32")
    log = toy.fit(model, facts, inputs, labels, 1)
    assert np.isfinite(log["loss"]).all()
    assert model.predict(inputs, verbose=0).dtype == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fusion": "gated", "knows": False}, "`fusion` needs `triples`. Received: fusion='gated'"),
        ({"fusion_after": 0}, "`fusion_after` needs a `fusion` and an encoder"),
        ({"kg_weight": -1.0}, "`kg_weight` must be finite and at least 0"),
        ({"max_mentions": 0}, "`max_mentions` must be a positive integer"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        marked.classifier(**arguments)


@pytest.mark.parametrize("marks", [(1, 2), (1, 2, 3, 3)])
def test_bad_marks(marks):
    with pytest.raises(
        ValueError, match="`marks` must be 4 different token ids, which open and close one"
    ):
        models.RelationClassifier(toy.encoder(), layers.ClassificationHead(2), marks)
