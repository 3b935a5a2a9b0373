"""CP: the canonical polyadic decomposition, with two roles an entity."""

from keras import ops

from kgkeras.registration import serializable
from kgkeras.scorers.algebra import inner_products
from kgkeras.scorers.bilinear import BilinearScorer


@serializable
class CP(BilinearScorer):
    """`score(h, r, t) = sum_k u(h)_k r_k v(t)_k`.

    An entity's vector holds its part as a head, `u`, in the first half and its part as a tail,
    `v`, in the second; a relation's has half that length. The two parts are learnt apart, so CP
    needs inverse relations in training, as in the second reference.

    References: Hitchcock, The Expression of a Tensor or a Polyadic as a Sum of Products, 1927;
    Lacroix et al., Canonical Tensor Decomposition for Knowledge Base Completion, ICML 2018.
    """

    def relation_dim(self, dim):
        self._check_multiple(dim, 2, "a half as a head and a half as a tail")
        return dim // 2

    def tail_query(self, head, relation):
        query = _as_head(head) * relation
        return ops.concatenate([ops.zeros_like(query), query], axis=-1)

    def head_query(self, relation, tail):
        query = relation * _as_tail(tail)
        return ops.concatenate([query, ops.zeros_like(query)], axis=-1)

    def relation_query(self, head, tail):
        return _as_head(head) * _as_tail(tail)

    # The halves that do not count are left out of the matrix products.

    def score_tails(self, head, relation, candidates):
        head, relation, candidates = self._prepare(head, relation, candidates)
        return inner_products(_as_head(head) * relation, _as_tail(candidates))

    def score_heads(self, candidates, relation, tail):
        candidates, relation, tail = self._prepare(candidates, relation, tail)
        return inner_products(relation * _as_tail(tail), _as_head(candidates))

    def factors(self, head, relation, tail):
        return super().factors(_as_head(head), relation, _as_tail(tail))


def _as_head(entity):
    return entity[..., : entity.shape[-1] // 2]


def _as_tail(entity):
    return entity[..., entity.shape[-1] // 2 :]
