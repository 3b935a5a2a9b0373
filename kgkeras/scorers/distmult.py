"""DistMult: a trilinear product."""

from keras import ops

from kgkeras.registration import serializable
from kgkeras.scorers.scorer import Scorer


@serializable
class DistMult(Scorer):
    """`score(h, r, t) = sum_k h_k r_k t_k`; the same for `(h, r, t)` and `(t, r, h)`.

    Reference: Yang et al., Embedding Entities and Relations for Learning and Inference in
    Knowledge Bases, ICLR 2015.
    """

    def call(self, head, relation, tail):
        return ops.sum(head * relation * tail, axis=-1)

    def score_tails(self, head, relation, candidates):
        return ops.matmul(head * relation, ops.swapaxes(candidates, -1, -2))

    def score_heads(self, candidates, relation, tail):
        return ops.matmul(relation * tail, ops.swapaxes(candidates, -1, -2))
