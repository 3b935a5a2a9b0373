"""A bottleneck that adapts a frozen language model."""

import keras

from kgkeras.checks import positive_int, rate
from kgkeras.registration import serializable


@serializable
class Adapter(keras.layers.Layer):
    """`text + W_up gelu(W_down text)`, with a narrow layer between the two.

    `W_up` starts at zero, so training starts from the language model as it was, bit for bit.

    Args:
        dim: Width of the narrow layer.
        dropout: Rate at which its elements are dropped in training.
        initializer: Keras initializer of `W_up`.

    Call arguments:
        text: Float tensor `(batch, words, text_dim)`.
        padding_mask: Boolean tensor `(batch, words)`; not looked at, since words do not meet.

    Returns:
        Float tensor of the shape of `text`.

    References: Houlsby et al., Parameter-efficient transfer learning for NLP, ICML 2019; Pfeiffer
    et al., AdapterFusion, EACL 2021, whose place behind a whole layer `text.AdaptedEncoder` takes.
    """

    def __init__(self, dim, dropout=0.0, initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.dim = positive_int("dim", dim)
        self.dropout = rate("dropout", dropout)
        self.initializer = keras.initializers.get(initializer)
        self._dropout = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def build(self, text_shape, padding_mask_shape=None):
        policy = self.dtype_policy
        self.down = keras.layers.Dense(self.dim, "gelu", name="down", dtype=policy)
        self.down.build((None, text_shape[-1]))
        self.up = keras.layers.Dense(
            text_shape[-1], kernel_initializer=self.initializer, name="up", dtype=policy
        )
        self.up.build((None, self.dim))

    def call(self, text, padding_mask=None, training=None):
        return text + self.up(self._dropout(self.down(text), training=training))

    def compute_output_shape(self, text_shape, padding_mask_shape=None):
        return text_shape

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "dropout": self.dropout,
            "initializer": keras.initializers.serialize(self.initializer),
        }
