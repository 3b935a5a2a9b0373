"""The promises that every layer keeps, checked in one place."""

import keras
import numpy as np
import tensorflow as tf


def check_layer(layer, inputs, *, expected_shape, num_weights, call=None):
    """Symbolic, eager, graph and XLA calls agree; config round trips; each weight has a gradient.

    Args:
        layer: A new layer.
        inputs: Tuple of arrays, batch first.
        expected_shape: Shape of the output.
        num_weights: Number of trainable weights.
        call: Keyword arguments of the call.

    Returns:
        The eager output as an array.
    """
    call = call or {}
    before = [np.array(array) for array in inputs]
    eager = layer(*inputs, **call)
    assert tuple(eager.shape) == expected_shape
    assert len(layer.trainable_weights) == num_weights

    symbolic = [keras.Input(array.shape[1:], dtype=str(array.dtype)) for array in inputs]
    output = layer(*symbolic, **call)
    assert output.shape[1:] == expected_shape[1:]
    assert output.dtype == keras.backend.standardize_dtype(eager.dtype)
    model = keras.Model(symbolic, output)
    np.testing.assert_allclose(model(list(inputs)), eager, rtol=1e-5, atol=1e-6)
    for jit_compile in (False, True):
        function = tf.function(lambda *xs: layer(*xs, **call), jit_compile=jit_compile)
        tensors = [tf.constant(array) for array in inputs]
        np.testing.assert_allclose(function(*tensors), eager, rtol=1e-4, atol=1e-5)

    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    again(*inputs, **call)
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(again(*inputs, **call), eager, rtol=1e-5, atol=1e-6)

    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(*inputs, **call)))
    gradients = tape.gradient(loss, [weight.value for weight in layer.trainable_weights])
    for weight, gradient in zip(layer.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.any(gradient != 0), weight.path
    for array, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, old)
    return np.asarray(eager)
