"""Reads a question as a walk: which relation to follow at each hop, and how many hops."""

import keras
from keras import ops

from kgkeras.checks import positive_int, rate
from kgkeras.layers.hop_attention import HopAttention, one_hop_glorot
from kgkeras.layers.mean_pooling import MeanPooling
from kgkeras.registration import serializable


@serializable
class HopReader(keras.layers.Layer):
    """Attends to the words once for each hop, and weighs the relations by what it finds.

    From what `HopAttention` reads for hop `t`, `w_t = softmax(V_t r_t)`; and from the mean `m` of
    the words, over the number of hops, `c = softmax(U m)`.

    Args:
        num_relations: Number of relations.
        hops: Most hops.
        dropout: Rate at which elements of what each hop reads are dropped in training.

    Call arguments:
        text: Float tensor `(batch, words, dim)`.
        padding_mask: Boolean tensor `(batch, words)`: True at words, False at padding.

    Returns:
        Weights of relations `(batch, hops, num_relations)` and of walks' lengths `(batch, hops)`,
        float32, each summing to 1 over its last axis.

    Reference: Shi et al., TransferNet, EMNLP 2021.
    """

    def __init__(self, num_relations, hops, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_relations = positive_int("num_relations", num_relations)
        self.hops = positive_int("hops", hops)
        self.dropout = rate("dropout", dropout)
        policy = self.dtype_policy
        self._pooling = MeanPooling(dtype=policy)
        self._attention = HopAttention(self.hops, name="attention", dtype=policy)
        self._dropout = keras.layers.Dropout(self.dropout, dtype=policy)
        # With one hop there is nothing to choose, and nothing to learn.
        self._length = None
        if self.hops > 1:
            self._length = keras.layers.Dense(self.hops, name="length", dtype=policy)

    def build(self, text_shape, padding_mask_shape):
        dim = text_shape[-1]
        self._choices = keras.layers.EinsumDense(
            "bhd,hdr->bhr",
            (self.hops, self.num_relations),
            bias_axes="hr",
            kernel_initializer=one_hop_glorot(dim, self.num_relations),
            name="choices",
            dtype=self.dtype_policy,
        )
        self._attention.build(text_shape)
        self._choices.build((None, self.hops, dim))
        if self._length is not None:
            self._length.build((None, dim))

    def call(self, text, padding_mask, training=None):
        mean = self._pooling(text, None, padding_mask)
        read = self._attention(text, padding_mask)
        choices = self._choices(self._dropout(read, training=training))
        lengths = mean[:, :1] if self._length is None else self._length(mean)
        return _softmax(choices), _softmax(lengths)

    def compute_output_spec(self, text, padding_mask, training=None):
        shapes = (self.hops, self.num_relations), (self.hops,)
        return tuple(keras.KerasTensor((text.shape[0], *s), dtype="float32") for s in shapes)

    def get_config(self):
        return {
            **super().get_config(),
            "num_relations": self.num_relations,
            "hops": self.hops,
            "dropout": self.dropout,
        }


def _softmax(logits):
    """Softmax over the last axis, in float32."""
    logits = ops.cast(logits, "float32")
    # Keras warns of a softmax over one.
    return ops.ones_like(logits) if logits.shape[-1] == 1 else ops.softmax(logits, axis=-1)
