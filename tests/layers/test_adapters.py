"""Adapters of frozen language models."""

import numpy as np
import pytest

from kgkeras import layers
from tests.layer_check import check_layer

TEXT = np.random.default_rng(0).normal(size=(2, 5, 6)).astype("float32")
WORDS = np.array([[True] * 5, [True, True, False, False, False]])


def test_adapter():
    layer = layers.Adapter(3, initializer="glorot_uniform")
    out = check_layer(layer, (TEXT, WORDS), expected_shape=(2, 5, 6), num_weights=4)
    down, bias, up, _ = (np.asarray(weight) for weight in layer.weights)
    hidden = TEXT @ down + bias
    cubic = np.sqrt(2 / np.pi) * (hidden + 0.044715 * hidden**3)
    expected = TEXT + (hidden / 2 * (1 + np.tanh(cubic))) @ up
    np.testing.assert_allclose(out, expected, atol=2e-3)  # exact GELU and its usual formula


def test_adapter_starts_from_the_text_as_it_was():
    np.testing.assert_array_equal(layers.Adapter(3)(TEXT, WORDS), TEXT)
    close = np.asarray(layers.TransformerAdapter(4, num_heads=2)(TEXT, WORDS))
    np.testing.assert_allclose(close, TEXT, atol=0.02)
    assert np.any(close != TEXT)


def test_transformer_adapter():
    layer = layers.TransformerAdapter(4, num_heads=2, num_layers=2, initializer="glorot_uniform")
    # A key's bias adds the same to all of a query's logits, and so has no gradient.
    layer(TEXT, WORDS)
    assert len(layer.trainable_weights) == 2 * 16 + 2 + 2 + 2
    again = layers.TransformerAdapter.from_config(layer.get_config())
    again(TEXT, WORDS)
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(again(TEXT, WORDS), layer(TEXT, WORDS), rtol=1e-5, atol=1e-6)
    assert again.get_config() == layer.get_config()


def test_words_do_not_attend_to_padding():
    layer = layers.TransformerAdapter(4, num_heads=2, initializer="glorot_uniform")
    out = np.asarray(layer(TEXT, WORDS))
    other = np.where(WORDS[..., None], TEXT, 7.0).astype("float32")
    np.testing.assert_allclose(layer(other, WORDS)[1, :2], out[1, :2], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer(TEXT[1:, :2])[0], out[1, :2], rtol=1e-4, atol=1e-5)
    assert not np.allclose(layer(TEXT)[1, :2], out[1, :2], atol=1e-4)


def test_an_adapter_reads_a_row_of_padding():
    layer = layers.TransformerAdapter(4, num_heads=2)
    assert np.isfinite(np.asarray(layer(TEXT, np.zeros((2, 5), bool)))).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Adapter(0), "`dim` must be a positive integer"),
        (lambda: layers.Adapter(2, dropout=1.0), r"`dropout` must be a rate"),
        (
            lambda: layers.TransformerAdapter(6, num_heads=4),
            "`dim` must be a multiple of `num_heads`, 4. Received: 6",
        ),
    ],
)
def test_bad_adapters(make, message):
    with pytest.raises(ValueError, match=message):
        make()
