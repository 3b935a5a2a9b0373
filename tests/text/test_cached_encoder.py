"""Upper layers over a cache give what the whole encoder gives, and train its own layers."""

import keras
import keras_hub
import numpy as np
import pytest

from kgkeras.layers import Adapter, TransformerAdapter
from kgkeras.text import (
    AdaptedEncoder,
    CachedEncoder,
    KAdapterEncoder,
    LSTMEncoder,
    PretrainedEncoder,
    TransformerEncoder,
)

LENGTHS = np.array([7, 3, 1, 5])


def pretrained():
    sizes = {"num_layers": 3, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    backbone = keras_hub.models.BertBackbone(30, **sizes, dropout=0.0, max_sequence_length=16)
    return PretrainedEncoder(backbone)


def small():
    return TransformerEncoder(30, 8, num_layers=3, num_heads=2, max_length=16, dropout=0.0)


@pytest.fixture(params=[pretrained, small], ids=["pretrained", "small"])
def encoder(request):
    keras.utils.set_random_seed(0)
    return request.param()


def texts():
    ids = np.random.default_rng(0).integers(1, 30, (4, 7)).astype("int32")
    return ids, np.arange(7) < LENGTHS[:, None]


def cached(encoder, after, **arguments):
    model = CachedEncoder(encoder, after, texts()[0], LENGTHS, **arguments)
    return model, {"token_ids": CachedEncoder.places(LENGTHS, 7), "padding_mask": texts()[1]}


@pytest.mark.parametrize("after", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 256])
def test_is_the_whole_encoder(encoder, after, batch_size):
    ids, there = texts()
    model, inputs = cached(encoder, after, batch_size=batch_size, cache_dtype="float32")
    expected = encoder({"token_ids": ids, "padding_mask": there})
    np.testing.assert_allclose(model(inputs), expected, atol=2e-6)
    order = [2, 0]  # Rows are looked up, in whatever order.
    chosen = {name: column[order] for name, column in inputs.items()}
    np.testing.assert_allclose(model(chosen), np.asarray(expected)[order], atol=2e-6)


def test_half_precision_of_the_cache_is_enough(encoder):
    ids, there = texts()
    model, inputs = cached(encoder, 2)
    expected = encoder({"token_ids": ids, "padding_mask": there})
    np.testing.assert_allclose(model(inputs), expected, atol=5e-3)


def test_tokens_of_two_texts_in_one_row(encoder):
    """What is beside a text changes its words only through the upper layers."""
    model, inputs = cached(encoder, 2)
    places = inputs["token_ids"]
    row = np.concatenate([places[0], places[1, :3]])[None]
    both = np.asarray(model({"token_ids": row, "padding_mask": np.ones_like(row, "bool")}))
    alone = np.asarray(model(inputs))
    assert np.abs(both[0, :7] - alone[0]).max() > 1e-4  # far above rounding


def test_trains_the_encoders_own_upper_layers(encoder):
    model, inputs = cached(encoder, 2)
    upper = [id(weight) for weight in model.trainable_weights]
    own = {id(weight): weight for weight in encoder.weights}
    assert upper
    assert set(upper) < set(own)
    before = {number: np.array(weight) for number, weight in own.items()}
    model.compile("adam", "mse")
    model.fit(inputs, np.ones((4, 7, 8), "float32"), verbose=0)
    changed = {number for number, weight in own.items() if np.any(before[number] != weight)}
    assert changed
    assert changed <= set(upper)


def test_keeps_no_words_in_a_checkpoint(encoder):
    model, _ = cached(encoder, 1)
    assert {id(weight) for weight in model.weights} <= {id(weight) for weight in encoder.weights}
    with pytest.raises(NotImplementedError, match="Save the encoder"):
        model.get_config()


@pytest.mark.parametrize("after", [0, 3, True])
def test_refuses_layers(encoder, after):
    with pytest.raises(ValueError, match="`after` must be a number of layers from 1 to 2"):
        cached(encoder, after)


def test_refuses_encoders_without_layers():
    with pytest.raises(ValueError, match="`encoder` must have Transformer layers"):
        CachedEncoder(LSTMEncoder(30, 8), 1, texts()[0], LENGTHS)


def test_refuses_a_cache_that_cannot_hold_words():
    with pytest.raises(ValueError, match="`cache_dtype` must be one of 'float16', 'float32'"):
        cached(small(), 1, cache_dtype="int8")
    encoder = small()
    encoder.token_embedding.set_weights([1e9 * w for w in encoder.token_embedding.get_weights()])
    with pytest.raises(ValueError, match="`cache_dtype` must hold"), np.errstate(over="ignore"):
        cached(encoder, 1)


def test_refuses_no_texts():
    with pytest.raises(ValueError, match="at least one text"):
        CachedEncoder(small(), 1, np.zeros((0, 7), "int32"), np.zeros(0, "int32"))


@pytest.mark.parametrize("lengths", [[7, 3, 1], [7, 3, 0, 5], [8, 3, 1, 5]])
def test_refuses_lengths(lengths):
    with pytest.raises(ValueError, match="from 1 to `tokens`"):
        CachedEncoder(small(), 1, texts()[0], lengths)


@pytest.mark.parametrize("kind", [AdaptedEncoder, KAdapterEncoder])
def test_adapters_stand_behind_what_is_read_once(kind):
    keras.utils.set_random_seed(0)
    adapter = {AdaptedEncoder: Adapter, KAdapterEncoder: TransformerAdapter}[kind]
    encoder = kind(small(), [adapter(4)], after=[2])
    for weight in encoder.trainable_variables:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    ids, there = texts()
    expected = encoder({"token_ids": ids, "padding_mask": there})
    model, inputs = cached(encoder, 1, cache_dtype="float32")
    np.testing.assert_allclose(model(inputs), expected, atol=2e-5)
    with pytest.raises(ValueError, match="with adapters behind the layers that are read once"):
        cached(encoder, 2)
