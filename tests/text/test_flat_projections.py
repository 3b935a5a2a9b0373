"""Attention's projections as matrix products: the same numbers, gradients and files."""

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import text
from kgkeras.text import flat_projections


def backbone(dtype="float32"):
    keras.utils.set_random_seed(1)
    return keras_hub.models.BertBackbone(30, 2, 2, 8, 16, max_sequence_length=16, dtype=dtype)


def inputs(seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 9, (5, 1))
    tokens = rng.integers(1, 30, (5, 8)).astype("int32")
    mask = np.arange(8) < lengths
    return {"token_ids": tokens * mask, "padding_mask": mask}


def gradients(encoder, x):
    weights = [w.value for w in encoder.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        loss = tf.reduce_sum(tf.cast(encoder(x), "float32") ** 2)
    return loss, [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_values_and_gradients_are_those_of_the_einsum(dtype, monkeypatch):
    flat = text.PretrainedEncoder(backbone(dtype))
    monkeypatch.setattr("kgkeras.text.pretrained.flatten_projections", lambda model: None)
    einsum = text.PretrainedEncoder(backbone(dtype))
    calls = [
        getattr(layer.call, "func", None)
        for layer in flat._flatten_layers()
        if isinstance(layer, keras.layers.EinsumDense)
    ]
    assert calls == [flat_projections._call] * 8  # queries, keys, values, outputs, of two layers
    for one, other in zip(flat.weights, einsum.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    tolerance = 1e-5 if dtype == "float32" else 0.05
    (loss, ours), (wanted, theirs) = (gradients(e, inputs()) for e in (flat, einsum))
    np.testing.assert_allclose(loss, wanted, rtol=tolerance)
    for one, other in zip(ours, theirs, strict=True):
        scale = np.abs(other).max() + 1e-6
        np.testing.assert_allclose(one / scale, other / scale, atol=tolerance)


def test_saves_and_reloads_with_lora(tmp_path):
    encoder = text.PretrainedEncoder(backbone())
    encoder.enable_lora(2)
    for weight in encoder.trainable_weights:
        weight.assign_add(0.1 * np.ones(weight.shape))
    wanted = encoder.predict(inputs(), verbose=0)
    before = text.PretrainedEncoder(backbone()).predict(inputs(), verbose=0)
    assert np.abs(wanted - before).max() > 1e-3  # the thin matrices count
    encoder.save(tmp_path / "encoder.keras")
    again = keras.models.load_model(tmp_path / "encoder.keras")
    np.testing.assert_allclose(again.predict(inputs(), verbose=0), wanted, rtol=1e-5, atol=1e-6)
