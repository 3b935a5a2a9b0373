"""Powers of the absolute values or moduli of vectors."""

from keras import ops

from kgkeras.checks import non_negative
from kgkeras.registration import serializable
from kgkeras.regularizers.regularizer import Regularizer


class _PowerSum(Regularizer):
    """`weight (|h|^p + |t|^p) + relation_weight |r|^p`, summed over components."""

    def __init__(self, weight, relation_weight=None):
        super().__init__(weight)
        chosen = weight if relation_weight is None else relation_weight
        self.relation_weight = non_negative("relation_weight", chosen)

    def penalties(self, scorer, head, relation, tail):
        head, relation, tail = (
            ops.sum(self._power(factor), axis=-1) for factor in scorer.factors(head, relation, tail)
        )
        return self.weight * (head + tail) + self.relation_weight * relation

    def get_config(self):
        return {**super().get_config(), "relation_weight": self.relation_weight}


@serializable
class L2(_PowerSum):
    """Squares: `weight (|h|^2 + |t|^2) + relation_weight |r|^2`; otherwise as `Regularizer`.

    Args:
        weight: Factor of the entities' squares, at least 0.
        relation_weight: Factor of the relation's, by default `weight`.
    """

    def _power(self, factor):
        return ops.square(factor)


@serializable
class N3(_PowerSum):
    """Cubes: `weight sum_k (|h_k|^3 + |t_k|^3) + relation_weight sum_k |r_k|^3`.

    `|x_k|` is what `scorer.factors` gives: the modulus of a complex component. Otherwise as
    `Regularizer`.

    Args:
        weight: Factor of the entities' cubes, at least 0.
        relation_weight: Factor of the relation's, by default `weight`.

    Reference: Lacroix et al., Canonical Tensor Decomposition for Knowledge Base Completion,
    ICML 2018.
    """

    def _power(self, factor):
        return factor * ops.square(factor)
