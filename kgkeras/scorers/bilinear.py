"""The contract of scorers that are linear in each entity."""

from keras import ops

from kgkeras.scorers.algebra import inner_products
from kgkeras.scorers.scorer import Scorer


class BilinearScorer(Scorer):
    """A scorer that is an inner product with each of its three vectors.

    `score(h, r, t) = <tail_query(h, r), t> = <head_query(r, t), h> = <relation_query(h, t), r>`,
    so all candidates of a query are scored by one matrix product. Subclasses implement the three
    queries, which broadcast over all leading axes.
    """

    by_product = True

    def tail_query(self, head, relation):
        """The vector `(..., dim)` whose inner product with a tail is the score."""
        raise NotImplementedError(f"{type(self).__name__} must implement `tail_query`.")

    def head_query(self, relation, tail):
        """The vector `(..., dim)` whose inner product with a head is the score."""
        raise NotImplementedError(f"{type(self).__name__} must implement `head_query`.")

    def relation_query(self, head, tail):
        """The vector `(..., relation_dim)` whose inner product with a relation is the score."""
        raise NotImplementedError(f"{type(self).__name__} must implement `relation_query`.")

    def call(self, head, relation, tail):
        return ops.sum(self.tail_query(head, relation) * tail, axis=-1)

    def score_tails(self, head, relation, candidates):
        head, relation, candidates = self._prepare(head, relation, candidates)
        return inner_products(self.tail_query(head, relation), candidates)

    def score_heads(self, candidates, relation, tail):
        candidates, relation, tail = self._prepare(candidates, relation, tail)
        return inner_products(self.head_query(relation, tail), candidates)

    def score_relations(self, head, candidates, tail):
        head, candidates, tail = self._prepare(head, candidates, tail)
        return inner_products(self.relation_query(head, tail), candidates)
