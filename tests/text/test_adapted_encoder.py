"""Frozen encoders with something to train beside, and what stays frozen in a file."""

import keras
import keras_hub
import numpy as np
import pytest

from kgkeras import layers, models
from kgkeras.text import AdaptedEncoder, KAdapterEncoder, PretrainedEncoder, TransformerEncoder

# Keras, when it writes a file, asks NumPy for an array in the way of NumPy 1.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}


def inputs():
    ids = np.random.default_rng(0).integers(1, 30, (3, 7)).astype("int32")
    return {"token_ids": ids, "padding_mask": np.arange(7) < np.array([[7], [3], [1]])}


def pretrained(kind=keras_hub.models.BertBackbone):
    return PretrainedEncoder(kind(30, **SIZES, dropout=0.0, max_sequence_length=16))


def small():
    return TransformerEncoder(30, 8, num_layers=2, num_heads=2, max_length=16, dropout=0.0)


@pytest.fixture(params=[pretrained, small], ids=["pretrained", "small"])
def encoder(request):
    return request.param()


def reloaded(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def test_layers_one_by_one_are_the_call(encoder):
    seen = []
    batch = inputs()

    def look(number, words):
        seen.append((number, tuple(words.shape)))
        return words

    out = encoder.encode_layers(look, batch)
    np.testing.assert_allclose(out, encoder(batch), atol=1e-6)
    assert seen == [(number, (3, 7, 8)) for number in range(3)]


def test_change_between_layers(encoder):
    batch = inputs()
    changed = encoder.encode_with(lambda words: words[..., ::-1], 1, batch)
    assert not np.allclose(changed, encoder(batch), atol=1e-3)
    np.testing.assert_array_equal(np.asarray(changed)[~batch["padding_mask"]], 0.0)
    with pytest.raises(ValueError, match="`after` must be a number of layers from 0 to 1"):
        encoder.encode_with(lambda words: words, 2, batch)


@pytest.mark.parametrize("kind", ["DistilBertBackbone", "RobertaBackbone"])
def test_other_backbones(kind):
    encoder, batch = pretrained(getattr(keras_hub.models, kind)), inputs()
    out = encoder.encode_layers(lambda number, words: words, batch)
    np.testing.assert_allclose(out, encoder(batch), atol=1e-6)


def test_a_backbone_that_is_no_plain_stack():
    sizes = {**SIZES, "embedding_dim": 8}
    backbone = keras_hub.models.AlbertBackbone(30, **sizes, max_sequence_length=16)
    with pytest.raises(ValueError, match=r"must be a plain stack.*AlbertBackbone"):
        PretrainedEncoder(backbone).encode_layers(lambda number, words: words, inputs())


def test_adapted_encoder_starts_as_the_encoder(encoder):
    batch = inputs()
    before = np.asarray(encoder(batch))
    adapted = AdaptedEncoder(encoder, [layers.Adapter(4), layers.Adapter(4)])
    np.testing.assert_allclose(adapted(batch), before, atol=1e-6)
    assert adapted.after == [1, 2]
    assert adapted.dim == 8
    assert adapted.token_embedding is encoder.token_embedding
    assert len(adapted.trainable_weights) == 2 * 4


def test_outer_adapters_leave_the_encoder_as_it_is(encoder):
    batch = inputs()
    before = np.asarray(encoder(batch))
    adapters = [layers.TransformerAdapter(4, 1, 2, initializer="glorot_uniform") for _ in "ab"]
    adapted = KAdapterEncoder(encoder, adapters)
    out = np.asarray(adapted(batch))
    assert out.shape == (3, 7, 16)
    assert adapted.dim == 16
    assert adapted.after == [0, 1]
    np.testing.assert_allclose(out[..., :8], before, atol=1e-6)
    states = []
    encoder.encode_layers(lambda number, words: states.append(words) or words, batch)
    mask = batch["padding_mask"]
    expected = adapters[1](states[1] + adapters[0](states[0], mask), mask)
    np.testing.assert_allclose(out[mask][:, 8:], np.asarray(expected)[mask], atol=1e-5)
    np.testing.assert_array_equal(out[~mask], 0.0)


@pytest.mark.parametrize("kind", [AdaptedEncoder, KAdapterEncoder])
def test_only_the_adapters_learn_also_after_reloading(encoder, kind, tmp_path):
    make = layers.Adapter if kind is AdaptedEncoder else layers.TransformerAdapter
    adapters = [make(4, initializer="glorot_uniform") for _ in "ab"]
    adapted, batch = kind(encoder, adapters), inputs()
    again, start = reloaded(adapted, tmp_path), np.asarray(adapted(batch))
    for model in (adapted, again):
        np.testing.assert_allclose(model(batch), start, atol=1e-6)
        assert len(model.trainable_weights) == sum(len(a.trainable_weights) for a in adapters)
        frozen = [np.array(weight) for weight in model.encoder.weights]
        moving = [np.array(weight) for weight in model.trainable_weights]
        model.compile("sgd", "mse")
        model.fit(batch, np.ones_like(model(batch)), epochs=1, verbose=0)
        for before, after in zip(frozen, model.encoder.weights, strict=True):
            np.testing.assert_array_equal(before, after)
        moved = [
            np.any(a != np.array(b)) for a, b in zip(moving, model.trainable_weights, strict=True)
        ]
        assert all(moved)


@pytest.mark.parametrize(
    ("adapters", "after", "message"),
    [
        (0, None, "`adapters` must hold at least one layer"),
        (2, [1], r"Received: 2 adapters, after=\[1\]"),
        (2, [2, 1], "`after` must be ascending numbers of layers from 0 to 2"),
        (1, [3], r"Received: \[3\]"),
        (3, None, r"Received: \[0, 1, 2\]"),
    ],
)
def test_bad_places(adapters, after, message):
    if adapters == 3:
        message = "`after` must be ascending"
    kind = KAdapterEncoder if adapters == 3 else AdaptedEncoder
    with pytest.raises(ValueError, match=message):
        kind(small(), [layers.Adapter(2) for _ in range(adapters)], after)


def test_an_encoder_without_layers():
    with pytest.raises(ValueError, match="`encoder` must be a TransformerEncoder or"):
        AdaptedEncoder(keras.Sequential([keras.Input((3,))]), [layers.Adapter(2)])


def test_frozen_layers_stay_frozen(encoder, tmp_path):
    encoder.token_embedding.trainable = False
    count = len(encoder.trainable_weights)
    again = reloaded(encoder, tmp_path)
    assert len(again.trainable_weights) == count
    assert not again.token_embedding.trainable
    again.token_embedding.trainable = True
    assert len(again.trainable_weights) == count + 1


def test_adapters_and_others_between_the_layers(encoder):
    batch = inputs()
    for kind in (AdaptedEncoder, KAdapterEncoder):
        adapted = kind(encoder, [layers.Adapter(4, initializer="glorot_uniform")])
        out = adapted.encode_layers(lambda number, words: words, batch)
        np.testing.assert_allclose(out, adapted(batch), atol=1e-6)
        changed = adapted.encode_with(lambda words: words[..., ::-1], 1, batch)
        assert not np.allclose(changed, out, atol=1e-3)


def moves(model, batch):
    """Whether each trainable weight is changed by two steps."""
    target = np.random.default_rng(1).normal(size=(3, 7, 8))
    before = [np.array(weight) for weight in model.trainable_weights]
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.fit(batch, target, epochs=2, verbose=0)
    return [np.any(a != b) for a, b in zip(before, model.trainable_weights, strict=True)]


def test_lora_trains_little_and_is_merged_when_saved(tmp_path):
    encoder, batch = pretrained(), inputs()
    before = np.asarray(encoder(batch))
    encoder.enable_lora(2)
    np.testing.assert_allclose(encoder(batch), before, atol=1e-6)
    assert len(encoder.trainable_weights) == 2 * 2 * 3  # of queries and values: a, b and a bias
    assert all(moves(encoder, batch))
    assert not np.allclose(encoder(batch), before, atol=1e-2)
    again = reloaded(encoder, tmp_path)
    assert again.lora_rank == 2
    np.testing.assert_allclose(again(batch), encoder(batch), atol=1e-4)
    assert len(again.trainable_weights) == len(encoder.trainable_weights)
    assert all(moves(again, batch))
    with pytest.raises(ValueError, match=r"can be called once\. It has been, with rank=2"):
        again.enable_lora(2)
    with pytest.raises(ValueError, match="`rank` must be a positive integer"):
        pretrained().enable_lora(0)


@pytest.mark.parametrize("fusion_after", [None, 1])
def test_lora_learns_on_within_a_reloaded_model(fusion_after, tmp_path):
    encoder = pretrained()
    encoder.enable_lora(2)
    triples = layers.TripleEmbedding.from_sizes(5, 2, encoder.dim)
    head = layers.ClassificationHead(3)
    model = models.JointModel(
        encoder, head, triples, layers.GatedFusion(), fusion_after=fusion_after
    )
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert [w.name for w in again.trainable_weights] == [w.name for w in model.trainable_weights]
    assert sum("lora" in weight.name for weight in again.trainable_weights) == 8
