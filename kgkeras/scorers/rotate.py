"""RotatE: a relation is a rotation in the complex plane."""

import math

import keras
from keras import ops

from kgkeras.registration import serializable
from kgkeras.scorers.algebra import complex_conjugate, complex_product, moduli
from kgkeras.scorers.distance_scorer import DistanceScorer
from kgkeras.scorers.distances import root, square


@serializable
class RotatE(DistanceScorer):
    """`score(h, r, t) = -||h * r - t||` with complex `h, r, t` and `|r_k| = 1`.

    An entity's vector holds the real parts in its first half and the imaginary parts in its
    second; a relation's holds `dim / 2` phases in radians, of any size. Start the phases from
    `relation_initializer()`, uniform in `[-pi, pi]`: near 0 all relations would be the identity.

    Args:
        norm: 1 for the paper's sum of complex moduli `sum_k |h_k r_k - t_k|`, which holds tensors
            `(queries, candidates, dim)` to score all candidates; 2 for the Euclidean length of
            the whole vector, which is one matrix product (precision: see `distances`).
        squared: Whether to take the negative square of norm 2, which ranks alike.

    Reference: Sun et al., RotatE: Knowledge Graph Embedding by Relational Rotation in Complex
    Space, ICLR 2019.
    """

    def __init__(self, norm=1, squared=False, **kwargs):
        super().__init__(norm, squared, **kwargs)

    def relation_dim(self, dim):
        self._check_multiple(dim, 2, "real and imaginary halves")
        return dim // 2

    def relation_initializer(self):
        return keras.initializers.RandomUniform(-math.pi, math.pi)

    def call(self, head, relation, tail):
        return self._score(complex_product(_widen(head), _rotation(relation)) - _widen(tail))

    def score_tails(self, head, relation, candidates):
        head, relation, candidates = self._prepare(head, relation, candidates)
        return self._score_all(complex_product(_widen(head), _rotation(relation)), candidates)

    def score_heads(self, candidates, relation, tail):
        candidates, relation, tail = self._prepare(candidates, relation, tail)
        # |h r - t| = |h - t conj(r)|, and the conjugate turns back.
        return self._score_all(complex_product(_widen(tail), _rotation(-relation)), candidates)

    def score_relations(self, head, candidates, tail):
        if self.norm == 1:
            return super().score_relations(head, candidates, tail)
        head, candidates, tail = (_widen(v) for v in self._prepare(head, candidates, tail))
        # |h r - t|^2 = |h|^2 + |t|^2 - 2 Re(conj(h conj(t)) conj(r)), linear in (cos, sin).
        sizes = ops.sum(ops.square(head) + ops.square(tail), axis=-1, keepdims=True)
        queries = complex_product(tail, complex_conjugate(head))
        products = ops.matmul(queries, ops.swapaxes(_rotation(candidates), -1, -2))
        lengths = square(sizes, products) if self.squared else root(sizes, products)
        return ops.cast(-lengths, self.compute_dtype)

    def factors(self, head, relation, tail):
        # Rotations are all of one size: there is nothing to keep small.
        return moduli(head, 2), ops.zeros_like(relation, "float32"), moduli(tail, 2)

    def _score(self, difference):
        if self.norm == 2:
            return super()._score(difference)
        return ops.cast(-ops.sum(moduli(difference, 2), axis=-1), self.compute_dtype)

    def _score_all(self, queries, candidates):
        if self.norm == 2:
            return self._score_pairs(queries, candidates)
        queries, candidates = ops.expand_dims(queries, -2), ops.expand_dims(candidates, -3)
        return self._score(queries - _widen(candidates))


def _widen(vector):
    return ops.cast(vector, "float32")


def _rotation(phases):
    """The complex numbers of modulus 1 with these phases: `(..., dim)`."""
    phases = _widen(phases)
    return ops.concatenate([ops.cos(phases), ops.sin(phases)], axis=-1)
