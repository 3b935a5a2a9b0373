"""Computes something as a Keras layer would."""

import keras


def as_layer(function, training):
    """`function()`, in which layers take `training` as if they were parts of one that is called.

    Keras tells it to the layers within a layer. A model's loss, where triples are scored, is no
    part of any: there a `Dropout` that is not told does nothing.

    Args:
        function: Function without arguments.
        training: Whether dropout is active.
    """
    return _Call(function, name="as_layer", dtype="float32")(training=training)


class _Call(keras.layers.Layer):
    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self._function = function

    def call(self, training=None):
        return self._function()
