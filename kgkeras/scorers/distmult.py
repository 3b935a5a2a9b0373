"""DistMult: a trilinear product."""

from kgkeras.registration import serializable
from kgkeras.scorers.bilinear import BilinearScorer


@serializable
class DistMult(BilinearScorer):
    """`score(h, r, t) = sum_k h_k r_k t_k`; the same for `(h, r, t)` and `(t, r, h)`.

    Reference: Yang et al., Embedding Entities and Relations for Learning and Inference in
    Knowledge Bases, ICLR 2015.
    """

    def tail_query(self, head, relation):
        return head * relation

    def head_query(self, relation, tail):
        return relation * tail

    def relation_query(self, head, tail):
        return head * tail
