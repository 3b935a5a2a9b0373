"""TransH: a relation is a translation on a hyperplane of its own."""

from keras import ops

from kgkeras.registration import serializable
from kgkeras.scorers.algebra import inner_products, unit
from kgkeras.scorers.distance_scorer import DistanceScorer
from kgkeras.scorers.distances import root, square


@serializable
class TransH(DistanceScorer):
    """`score(h, r, t) = -||(h - <w, h> w) + d - (t - <w, t> w)||`.

    A relation's vector holds the hyperplane's normal `w`, which is used at length 1, and then the
    translation `d`. The paper squares the length.

    Args:
        norm: 1 or 2. With 2 all candidates are scored by two matrix products.
        squared: Whether to take the negative square of norm 2, which ranks alike.

    Reference: Wang et al., Knowledge Graph Embedding by Translating on Hyperplanes, AAAI 2014.
    """

    def __init__(self, norm=2, squared=False, **kwargs):
        super().__init__(norm, squared, **kwargs)

    def relation_dim(self, dim):
        return 2 * dim

    def call(self, head, relation, tail):
        normal, translation = _split(relation)
        return self._score(_project(head - tail, normal) + translation)

    def score_tails(self, head, relation, candidates):
        head, relation, candidates = self._prepare(head, relation, candidates)
        normal, translation = _split(relation)
        return self._score_all(_project(head, normal) + translation, normal, candidates)

    def score_heads(self, candidates, relation, tail):
        candidates, relation, tail = self._prepare(candidates, relation, tail)
        normal, translation = _split(relation)
        return self._score_all(_project(tail, normal) - translation, normal, candidates)

    def _score_all(self, queries, normal, candidates):
        """Lengths of `query - (c - <w, c> w)` for each query and every candidate `c`."""
        candidates = ops.cast(candidates, "float32")
        along = inner_products(normal, candidates)  # <w, c>: (..., queries, candidates)
        if self.norm == 1:
            shift = ops.expand_dims(along, -1) * ops.expand_dims(normal, -2)
            queries = ops.expand_dims(queries, -2)
            return self._score(queries - ops.expand_dims(candidates, -3) + shift)
        # |q - c + <w, c> w|^2 = |q|^2 + |c|^2 - <w, c>^2 - 2 <q - <w, q> w, c>.
        sizes = ops.sum(ops.square(queries), axis=-1, keepdims=True)
        sizes = sizes + ops.expand_dims(ops.sum(ops.square(candidates), axis=-1), -2)
        products = inner_products(_project(queries, normal), candidates)
        parts = sizes, products + 0.5 * ops.square(along)
        lengths = square(*parts) if self.squared else root(*parts)
        return ops.cast(-lengths, self.compute_dtype)


def _split(relation):
    """The normal at length 1 and the translation."""
    normal, translation = ops.split(ops.cast(relation, "float32"), 2, axis=-1)
    return unit(normal), translation


def _project(vector, normal):
    """The vector on the hyperplane."""
    vector = ops.cast(vector, "float32")
    return vector - ops.sum(normal * vector, axis=-1, keepdims=True) * normal
