"""TransE: a relation is a translation."""

from kgkeras.registration import serializable
from kgkeras.scorers.distance_scorer import DistanceScorer


@serializable
class TransE(DistanceScorer):
    """`score(h, r, t) = -||h + r - t||`.

    With norm 2 all candidates are scored by one matrix product (precision: see `distances`), with
    norm 1 by a tensor `(queries, candidates, dim)`.

    Args:
        norm: 1 or 2.
        squared: Whether to take the negative square of norm 2, which ranks alike.

    Reference: Bordes et al., Translating Embeddings for Modeling Multi-relational Data, NIPS 2013.
    """

    def __init__(self, norm=2, squared=False, **kwargs):
        super().__init__(norm, squared, **kwargs)

    def call(self, head, relation, tail):
        return self._score(head + relation - tail)

    def score_tails(self, head, relation, candidates):
        head, relation, candidates = self._prepare(head, relation, candidates)
        return self._score_pairs(head + relation, candidates)

    def score_heads(self, candidates, relation, tail):
        candidates, relation, tail = self._prepare(candidates, relation, tail)
        return self._score_pairs(tail - relation, candidates)

    def score_relations(self, head, candidates, tail):
        head, candidates, tail = self._prepare(head, candidates, tail)
        return self._score_pairs(tail - head, candidates)
