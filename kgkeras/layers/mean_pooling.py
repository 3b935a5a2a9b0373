"""The mean of the words that are not padding."""

import keras
from keras import ops

from kgkeras.registration import serializable


@serializable
class MeanPooling(keras.layers.Layer):
    """Averages over words.

    Call arguments:
        text: Float tensor `(batch, words, dim)`.
        token_ids: Integer tensor `(batch, words)`; not looked at.
        padding_mask: Boolean tensor `(batch, words)`: True at words, False at padding.

    Returns:
        Float tensor `(batch, dim)`; zeros for a text without words.
    """

    def call(self, text, token_ids, padding_mask):
        words = ops.expand_dims(ops.cast(padding_mask, text.dtype), -1)
        total = ops.sum(ops.where(words > 0, text, ops.zeros((), text.dtype)), axis=-2)
        return total / ops.maximum(ops.sum(words, axis=-2), 1)

    def compute_output_shape(self, text_shape, token_ids_shape, padding_mask_shape):
        return (text_shape[0], text_shape[-1])
