"""A small Transformer beside a frozen language model."""

import keras
from keras import ops

from kgkeras.checks import describe, positive_int, rate
from kgkeras.registration import serializable


@serializable
class TransformerAdapter(keras.layers.Layer):
    """`text + W_up Transformer(W_down text)`, one of the adapters of a K-Adapter.

    Each layer of the Transformer is self-attention and a feed-forward part of width `4 * dim`,
    each behind a normalisation. Words do not attend to padding.

    Args:
        dim: Width of the Transformer, a multiple of `num_heads`.
        num_layers: Number of its layers.
        num_heads: Number of attention heads.
        dropout: Rate at which elements are dropped in training.
        initializer: Keras initializer of `W_up`: by default small, so that training starts close
            to the language model.

    Call arguments:
        text: Float tensor `(batch, words, text_dim)`.
        padding_mask: Boolean tensor `(batch, words)`: True at words, False at padding. All are
            words where omitted. Or `(batch, words, words)`: of each word, the words it attends to.

    Returns:
        Float tensor of the shape of `text`.

    Raises:
        ValueError: If a size is not a positive integer, `dim` is not a multiple of `num_heads`,
            or `dropout` is not a rate.

    Reference: Wang et al., K-Adapter, Findings of ACL 2021. (The published code attends to
    padding.)
    """

    def __init__(self, dim, num_layers=2, num_heads=4, dropout=0.0, initializer=None, **kwargs):
        super().__init__(**kwargs)
        self.dim = positive_int("dim", dim)
        self.num_layers = positive_int("num_layers", num_layers)
        self.num_heads = positive_int("num_heads", num_heads)
        if dim % num_heads:
            raise ValueError(
                f"`dim` must be a multiple of `num_heads`, {num_heads}. {describe(dim)}."
            )
        self.dropout = rate("dropout", dropout)
        self.initializer = keras.initializers.get(
            keras.initializers.RandomNormal(stddev=1e-3) if initializer is None else initializer
        )
        self._dropout = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def build(self, text_shape, padding_mask_shape=None):
        policy, narrow = self.dtype_policy, (None, None, self.dim)
        self.down = keras.layers.Dense(self.dim, name="down", dtype=policy)
        self.down.build((None, text_shape[-1]))
        self.blocks = [
            _Block(self.dim, self.num_heads, self.dropout, name=f"block_{i}", dtype=policy)
            for i in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build(narrow)
        self.norm = keras.layers.LayerNormalization(name="norm", dtype=policy)
        self.norm.build(narrow)
        self.up = keras.layers.Dense(
            text_shape[-1], kernel_initializer=self.initializer, name="up", dtype=policy
        )
        self.up.build((None, self.dim))

    def call(self, text, padding_mask=None, training=None):
        x = self._dropout(self.down(text), training=training)
        for block in self.blocks:
            x = block(x, padding_mask, training=training)
        return text + self.up(self.norm(x))

    def compute_output_shape(self, text_shape, padding_mask_shape=None):
        return text_shape

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "initializer": keras.initializers.serialize(self.initializer),
        }


class _Block(keras.layers.Layer):
    """One layer of the Transformer."""

    def __init__(self, dim, num_heads, dropout, **kwargs):
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.attention = keras.layers.MultiHeadAttention(
            num_heads, dim // num_heads, dropout=dropout, name="attention", dtype=policy
        )
        self.attention_norm = keras.layers.LayerNormalization(name="attention_norm", dtype=policy)
        self.hidden = keras.layers.Dense(4 * dim, "gelu", name="hidden", dtype=policy)
        self.hidden_norm = keras.layers.LayerNormalization(name="hidden_norm", dtype=policy)
        self.output_dense = keras.layers.Dense(dim, name="output", dtype=policy)
        self.drop = keras.layers.Dropout(dropout, dtype=policy)

    def build(self, shape):
        self.attention.build(shape, shape)
        for layer in (self.attention_norm, self.hidden, self.hidden_norm):
            layer.build(shape)
        self.output_dense.build((*shape[:-1], 4 * shape[-1]))

    def call(self, x, padding_mask, training=None):
        # Of each word, the words that it attends to: (batch, 1, words).
        mask = padding_mask
        if mask is not None and len(mask.shape) == 2:
            mask = ops.expand_dims(mask, 1)
        normal = self.attention_norm(x)
        seen = self.attention(normal, normal, attention_mask=mask, training=training)
        x = x + self.drop(seen, training=training)
        told = self.output_dense(self.hidden(self.hidden_norm(x)))
        return x + self.drop(told, training=training)
