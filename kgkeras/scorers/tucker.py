"""TuckER: a decomposition with a core tensor that all relations share."""

import keras
from keras import ops

from kgkeras.checks import positive_int, rate
from kgkeras.registration import serializable
from kgkeras.scorers.algebra import outer_product
from kgkeras.scorers.bilinear import BilinearScorer


@serializable
class TuckER(BilinearScorer):
    """`score(h, r, t) = sum_ijk W_ijk h_i r_j t_k` with a trained core tensor `W`.

    The paper's batch normalisation is left out (it makes a score depend on the other triples of
    the batch); its dropout of heads belongs to whoever looks them up.

    Args:
        relation_dim: Length of a relation's vector; the entity's where None.
        dropout: Rate at which the components of a query `h^T (W r)` or `(W r) t` are dropped.
        core_initializer: Initializer of `W`, `(dim, relation_dim, dim)`; the paper's, uniform in
            `[-1, 1]`, where None.

    Reference: Balazevic et al., TuckER: Tensor Factorization for Knowledge Graph Completion,
    EMNLP 2019.
    """

    def __init__(self, relation_dim=None, dropout=0.0, core_initializer=None, **kwargs):
        super().__init__(**kwargs)
        if relation_dim is not None:
            relation_dim = positive_int("relation_dim", relation_dim)
        self._relation_dim = relation_dim
        self.dropout = keras.layers.Dropout(rate("dropout", dropout), dtype=self.dtype_policy)
        if core_initializer is None:
            core_initializer = keras.initializers.RandomUniform(-1.0, 1.0)
        self.core_initializer = keras.initializers.get(core_initializer)

    def relation_dim(self, dim):
        return self._relation_dim or dim

    def build(self, head_shape, relation_shape, tail_shape):
        super().build(head_shape, relation_shape, tail_shape)
        dim, relation_dim = head_shape[-1], relation_shape[-1]
        self.core = self.add_weight(
            shape=(dim, relation_dim, dim), initializer=self.core_initializer, name="core"
        )

    def tail_query(self, head, relation):
        # The outer product (dim * relation_dim) is smaller than the relation's matrix (dim * dim).
        core = ops.reshape(self._core(), (-1, head.shape[-1]))
        return self.dropout(ops.matmul(outer_product(head, relation), core))

    def head_query(self, relation, tail):
        core = ops.reshape(self._core(), (tail.shape[-1], -1))
        return self.dropout(ops.matmul(outer_product(relation, tail), ops.transpose(core)))

    def relation_query(self, head, tail):
        core = ops.transpose(self._core(), (0, 2, 1))
        core = ops.reshape(core, (head.shape[-1] ** 2, -1))
        return self.dropout(ops.matmul(outer_product(head, tail), core))

    def _core(self):
        return ops.cast(self.core, self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "relation_dim": self._relation_dim,
            "dropout": self.dropout.rate,
            "core_initializer": keras.initializers.serialize(self.core_initializer),
        }
