"""Every word attends over the entities that the sentence may speak of."""

import math

import keras
from keras import ops

from kgkeras.checks import positive_int
from kgkeras.layers.fusion import Fusion
from kgkeras.registration import serializable


@serializable
class AttentionFusion(Fusion):
    """`text + sum_c a_c V e_c`, where each word's weights `a` may also choose "none of them".

    `a = softmax([q.k_1, ..., q.k_C, q.k_none] / sqrt(dim))` with `q = Q text`, `k_c = K e_c` and a
    learned vector `k_none`, which brings nothing. Without candidates all weight is on it and the
    text passes bit for bit.

    Args:
        dim: Length of queries and keys; the text's own where None.

    `call(..., return_weights=True)` returns the pair (output, weights), the weights
    `(batch, words, candidates + 1)` with "none of them" last. The knowledge's rows are candidates
    for every word of their text. See `Fusion`.

    Reference: sentinel attention as in Yang & Mitchell, Leveraging Knowledge Bases in LSTMs, ACL
    2017.
    """

    candidates = True
    weighs = True

    def __init__(self, dim=None, **kwargs):
        super().__init__(**kwargs)
        self.dim = None if dim is None else positive_int("dim", dim)

    def build_weights(self, text_dim, knowledge_dim):
        dim = self.dim or text_dim
        self.query = self._dense(dim, text_dim, "query")
        self.key = self._dense(dim, knowledge_dim, "key")
        self.value = self._dense(text_dim, knowledge_dim, "value")
        self.none_key = self.add_weight(name="none_key", shape=(dim,), initializer="random_normal")

    def _dense(self, units, input_dim, name):
        # No bias: an added constant could not be told from knowledge.
        dense = keras.layers.Dense(units, use_bias=False, name=name, dtype=self.dtype_policy)
        dense.build((None, input_dim))
        return dense

    def call(self, text, knowledge, mask=None, return_weights=False):
        self.check_shapes(text.shape, knowledge.shape, None if mask is None else mask.shape)
        if mask is not None:
            known = ops.expand_dims(mask, -1)
            knowledge = ops.where(known, knowledge, ops.zeros((), knowledge.dtype))
        query = self.query(text)
        logits = ops.matmul(query, ops.swapaxes(self.key(knowledge), -1, -2))
        if mask is not None:
            # One row of candidates for all words: (batch, 1, candidates).
            present = ops.expand_dims(mask, -2)
            logits = ops.where(present, logits, ops.cast(-3e4, logits.dtype))
        none = ops.sum(query * self.none_key, axis=-1, keepdims=True)
        logits = ops.concatenate([logits, none], axis=-1)
        weights = ops.softmax(logits / math.sqrt(query.shape[-1]), axis=-1)
        # Absent candidates bring nothing: their vectors are zero, and values have no bias.
        fused = text + ops.matmul(weights[..., :-1], self.value(knowledge))
        return (fused, weights) if return_weights else fused

    def compute_output_spec(self, text, knowledge, mask=None, return_weights=False):
        fused = keras.KerasTensor(text.shape, dtype=self.compute_dtype)
        if not return_weights:
            return fused
        rows = knowledge.shape[-2]
        shape = (*text.shape[:-1], None if rows is None else rows + 1)
        return fused, keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim}
