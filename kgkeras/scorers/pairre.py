"""PairRE: a relation stretches head and tail, each by factors of its own."""

from keras import ops

from kgkeras.registration import serializable
from kgkeras.scorers.algebra import unit
from kgkeras.scorers.distance_scorer import DistanceScorer


@serializable
class PairRE(DistanceScorer):
    """`score(h, r, t) = -||h * r_H - t * r_T||` with entities used at length 1.

    A relation's vector holds the head's factors `r_H` and then the tail's, `r_T`.

    Args:
        norm: 1, as in the paper's experiments, which holds tensors `(queries, candidates, dim)`
            to score all candidates; or 2, which is two matrix products (precision: see
            `distances`).
        squared: Whether to take the negative square of norm 2, which ranks alike.

    Reference: Chao et al., PairRE: Knowledge Graph Embeddings via Paired Relation Vectors,
    ACL 2021.
    """

    def __init__(self, norm=1, squared=False, **kwargs):
        super().__init__(norm, squared, **kwargs)

    def relation_dim(self, dim):
        return 2 * dim

    def call(self, head, relation, tail):
        head_factors, tail_factors = _split(relation)
        return self._score(unit(head) * head_factors - unit(tail) * tail_factors)

    def score_tails(self, head, relation, candidates):
        head, relation, candidates = self._prepare(head, relation, candidates)
        head_factors, tail_factors = _split(relation)
        return self._score_pairs(unit(head) * head_factors, unit(candidates), tail_factors)

    def score_heads(self, candidates, relation, tail):
        candidates, relation, tail = self._prepare(candidates, relation, tail)
        head_factors, tail_factors = _split(relation)
        return self._score_pairs(unit(tail) * tail_factors, unit(candidates), head_factors)


def _split(relation):
    return ops.split(ops.cast(relation, "float32"), 2, axis=-1)
