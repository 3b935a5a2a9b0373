"""RESCAL: a relation is a matrix."""

from keras import ops

from kgkeras.registration import serializable
from kgkeras.scorers.algebra import outer_product
from kgkeras.scorers.bilinear import BilinearScorer


@serializable
class RESCAL(BilinearScorer):
    """`score(h, r, t) = h^T R t`.

    A relation's vector holds the matrix `R`, `(dim, dim)`, row by row.

    Reference: Nickel et al., A Three-Way Model for Collective Learning on Multi-Relational Data,
    ICML 2011.
    """

    def relation_dim(self, dim):
        return dim * dim

    def tail_query(self, head, relation):
        return ops.squeeze(ops.matmul(ops.expand_dims(head, -2), _matrix(relation, head)), -2)

    def head_query(self, relation, tail):
        return ops.squeeze(ops.matmul(_matrix(relation, tail), ops.expand_dims(tail, -1)), -1)

    def relation_query(self, head, tail):
        return outer_product(head, tail)


def _matrix(relation, entity):
    dim = entity.shape[-1]
    return ops.reshape(relation, (*ops.shape(relation)[:-1], dim, dim))
