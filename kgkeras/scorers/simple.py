"""SimplE: two CP decompositions that share their entities."""

from keras import ops

from kgkeras.registration import serializable
from kgkeras.scorers.bilinear import BilinearScorer


@serializable
class SimplE(BilinearScorer):
    """`score(h, r, t) = (sum_k u(h)_k r_k v(t)_k + sum_k u(t)_k r'_k v(h)_k) / 2`.

    An entity's vector holds its part as a head, `u`, in the first half and its part as a tail,
    `v`, in the second; a relation's holds `r` and then that of its inverse, `r'`.

    Reference: Kazemi and Poole, SimplE Embedding for Link Prediction in Knowledge Graphs,
    NeurIPS 2018.
    """

    def relation_dim(self, dim):
        self._check_multiple(dim, 2, "a half as a head and a half as a tail")
        return dim

    def tail_query(self, head, relation):
        return 0.5 * _swap(head * relation)

    def head_query(self, relation, tail):
        return 0.5 * relation * _swap(tail)

    def relation_query(self, head, tail):
        return 0.5 * head * _swap(tail)


def _swap(vector):
    """The vector with its halves exchanged."""
    first, second = ops.split(vector, 2, axis=-1)
    return ops.concatenate([second, first], axis=-1)
