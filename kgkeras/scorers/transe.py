"""TransE: a relation is a translation."""

from keras import ops

from kgkeras.registration import serializable
from kgkeras.scorers.distance_scorer import DistanceScorer
from kgkeras.scorers.distances import length, pairwise_lengths


@serializable
class TransE(DistanceScorer):
    """`score(h, r, t) = -||h + r - t||`.

    With norm 2 all candidates are scored by one matrix product (precision: see `distances`), with
    norm 1 by a tensor `(queries, candidates, dim)`.

    Args:
        norm: 1 or 2.

    Reference: Bordes et al., Translating Embeddings for Modeling Multi-relational Data, NIPS 2013.
    """

    def __init__(self, norm=2, **kwargs):
        super().__init__(norm, **kwargs)

    def call(self, head, relation, tail):
        return ops.cast(-length(head + relation - tail, self.norm), self.compute_dtype)

    def score_tails(self, head, relation, candidates):
        head, relation, candidates = self._prepare(head, relation, candidates)
        return self._score_all(head + relation, candidates)

    def score_heads(self, candidates, relation, tail):
        candidates, relation, tail = self._prepare(candidates, relation, tail)
        return self._score_all(tail - relation, candidates)

    def score_relations(self, head, candidates, tail):
        head, candidates, tail = self._prepare(head, candidates, tail)
        return self._score_all(tail - head, candidates)

    def _score_all(self, queries, candidates):
        return ops.cast(-pairwise_lengths(queries, candidates, self.norm), self.compute_dtype)
