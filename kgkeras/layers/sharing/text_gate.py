"""How much each expert is to say about a text."""

import keras
from keras import ops

from kgkeras.layers.mean_pooling import MeanPooling
from kgkeras.registration import serializable


@serializable
class TextGate(keras.layers.Layer):
    """`softmax(W mean(words))`: probabilities of experts.

    Args:
        num_experts: How many there are.

    Call arguments:
        words: Float tensor `(batch, words, dim)`.
        padding_mask: Boolean tensor `(batch, words)`.

    Returns:
        Float32 tensor `(batch, num_experts)`.
    """

    def __init__(self, num_experts, **kwargs):
        super().__init__(**kwargs)
        self.num_experts = num_experts
        self._pooling = MeanPooling()

    def build(self, words_shape, padding_mask_shape):
        self.kernel = self.add_weight(
            shape=(words_shape[-1], self.num_experts), initializer="glorot_uniform", name="kernel"
        )

    def call(self, words, padding_mask):
        pooled = self._pooling(words, None, padding_mask)
        logits = ops.matmul(pooled, ops.cast(self.kernel, pooled.dtype))
        if self.num_experts == 1:
            return ops.ones_like(ops.cast(logits, "float32"))  # Keras warns of a softmax over one
        return ops.softmax(ops.cast(logits, "float32"), axis=-1)

    def compute_output_shape(self, words_shape, padding_mask_shape):
        return (words_shape[0], self.num_experts)

    def get_config(self):
        return {**super().get_config(), "num_experts": self.num_experts}
