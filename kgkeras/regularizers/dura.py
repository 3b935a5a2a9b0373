"""DURA: duality-induced regularisation of bilinear scorers."""

from keras import ops

from kgkeras.checks import non_negative
from kgkeras.registration import serializable
from kgkeras.regularizers.regularizer import Regularizer


@serializable
class DURA(Regularizer):
    """`weight (|h|^2 + |t|^2 + query_weight (|q_t|^2 + |q_h|^2))`; otherwise as `Regularizer`.

    `q_t = tail_query(h, r)` is what the tail is multiplied with, `q_h = head_query(r, t)` what the
    head is multiplied with: a distance-based model would have them next to one another.

    Args:
        weight: Factor of the penalty, at least 0.
        query_weight: Factor of the queries' squares. The paper's formula has 1; its code 3, and
            half of `weight`.

    Raises:
        ValueError: If called with a scorer that has no `tail_query` and `head_query`.

    Reference: Zhang et al., Duality-Induced Regularizer for Tensor Factorization Based Knowledge
    Graph Completion, NeurIPS 2020.
    """

    def __init__(self, weight, query_weight=1.0):
        super().__init__(weight)
        self.query_weight = non_negative("query_weight", query_weight)

    def penalties(self, scorer, head, relation, tail):
        if not (hasattr(scorer, "tail_query") and hasattr(scorer, "head_query")):
            raise ValueError(
                "DURA needs a bilinear scorer, such as ComplEx, DistMult or RESCAL. "
                f"Received: {type(scorer).__name__}."
            )
        head_factor, _, tail_factor = scorer.factors(head, relation, tail)
        queries = scorer.tail_query(head, relation), scorer.head_query(relation, tail)
        entities = _squares(head_factor) + _squares(tail_factor)
        return self.weight * (entities + self.query_weight * sum(map(_squares, queries)))

    def get_config(self):
        return {**super().get_config(), "query_weight": self.query_weight}


def _squares(vectors):
    vectors = ops.cast(vectors, "float32")  # squares overflow float16
    return ops.sum(ops.square(vectors), axis=-1)
