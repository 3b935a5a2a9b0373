"""Reads a question once for each hop of a walk."""

import keras
from keras import ops

from kgkeras.checks import positive_int
from kgkeras.layers.mean_pooling import MeanPooling
from kgkeras.registration import serializable


@serializable
class HopAttention(keras.layers.Layer):
    """Attends to the words once for each hop: what is asked of it.

    From the mean `m` of the words `x_i`, for hop `t`: `q_t = tanh(W_t m)`,
    `a_t = softmax_i(q_t . x_i)`, `r_t = sum_i a_ti x_i`.

    Args:
        hops: Number of hops.

    Call arguments:
        text: Float tensor `(batch, words, dim)`.
        padding_mask: Boolean tensor `(batch, words)`: True at words, False at padding.

    Returns:
        Float tensor `(batch, hops, dim)`.

    Reference: Shi et al., TransferNet, EMNLP 2021.
    """

    def __init__(self, hops, **kwargs):
        super().__init__(**kwargs)
        self.hops = positive_int("hops", hops)
        self._pooling = MeanPooling(dtype=self.dtype_policy)

    def build(self, text_shape, padding_mask_shape=None):
        dim = text_shape[-1]
        self._queries = keras.layers.EinsumDense(
            "bd,dhe->bhe",
            (self.hops, dim),
            "tanh",
            kernel_initializer=one_hop_glorot(dim, dim),
            name="queries",
            dtype=self.dtype_policy,
        )
        self._queries.build((None, dim))

    def call(self, text, padding_mask):
        text = ops.where(ops.expand_dims(padding_mask, -1), text, ops.zeros((), text.dtype))
        mean = self._pooling(text, None, padding_mask)
        logits = ops.cast(ops.einsum("bhd,bwd->bhw", self._queries(mean), text), "float32")
        attention = ops.softmax(ops.where(padding_mask[:, None], logits, -3e4), axis=-1)
        attention = ops.cast(attention, text.dtype)
        return ops.einsum("bhw,bwd->bhd", attention, text)

    def compute_output_spec(self, text, padding_mask):
        shape = text.shape[0], self.hops, text.shape[-1]
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "hops": self.hops}


def one_hop_glorot(inputs, outputs):
    """Glorot and Bengio's range for one hop's matrix; Keras would take all hops for one."""
    span = (6 / (inputs + outputs)) ** 0.5
    return keras.initializers.RandomUniform(-span, span)
