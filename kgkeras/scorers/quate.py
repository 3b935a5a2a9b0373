"""QuatE: a relation is a rotation of quaternions."""

from keras import ops

from kgkeras.registration import serializable
from kgkeras.scorers.algebra import (
    hamilton_product,
    inner_products,
    moduli,
    quaternion_conjugate,
)
from kgkeras.scorers.bilinear import BilinearScorer


@serializable
class QuatE(BilinearScorer):
    """`score(h, r, t) = <h (x) r / |r|, t>` with Hamilton's product `(x)` of quaternions.

    Each vector holds the four parts `a + b i + c j + d k` of its quaternions in its quarters.
    Every quaternion of a relation is used at length 1; only entities are scored linearly.

    Reference: Zhang et al., Quaternion Knowledge Graph Embeddings, NeurIPS 2019.
    """

    def relation_dim(self, dim):
        self._check_multiple(dim, 4, "the four parts of quaternions")
        return dim

    def tail_query(self, head, relation):
        return hamilton_product(head, _unit(relation))

    def head_query(self, relation, tail):
        # <h r, t> = <h, t conj(r)>.
        return hamilton_product(tail, quaternion_conjugate(_unit(relation)))

    def relation_query(self, head, tail):
        """The vector whose inner product with a relation *of length 1* is the score."""
        return hamilton_product(quaternion_conjugate(head), tail)

    def score_relations(self, head, candidates, tail):
        head, candidates, tail = self._prepare(head, candidates, tail)
        return inner_products(self.relation_query(head, tail), _unit(candidates))

    def factors(self, head, relation, tail):
        return tuple(moduli(vector, 4) for vector in (head, relation, tail))


def _unit(relation):
    """Each quaternion divided by its length."""
    lengths = ops.cast(moduli(relation, 4), relation.dtype)
    return relation / ops.concatenate([lengths] * 4, axis=-1)
