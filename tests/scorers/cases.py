"""Every scorer with an independent computation of its scores."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from kgkeras import scorers
from tests import reference


@dataclasses.dataclass(frozen=True)
class Case:
    """A scorer to make anew, and its score of one triple, given the trained weights."""

    make: Callable
    of_triple: Callable
    dim: int = 8
    num_weights: int = 0

    def expected(self, scorer, head, relation, tail):
        """Reference scores of arrays that broadcast, in float64."""
        weights = scorer.get_weights()
        function = reference.each_triple(lambda *triple: self.of_triple(*triple, weights))
        return function(*(np.asarray(vectors, "float64") for vectors in (head, relation, tail)))


def _plain(function, **options):
    return lambda head, relation, tail, weights: function(head, relation, tail, **options)


def _norms(name, function):
    scorer = getattr(scorers, name)
    return {
        f"{name}-{norm}": Case(
            lambda norm=norm, **o: scorer(norm, **o), _plain(function, norm=norm)
        )
        for norm in (1, 2)
    } | {
        f"{name}-squared": Case(
            lambda **o: scorer(2, squared=True, **o),
            lambda head, relation, tail, weights: -(function(head, relation, tail, norm=2) ** 2),
        )
    }


CASES = {
    **_norms("TransE", reference.transe),
    **_norms("TransH", reference.transh),
    **_norms("RotatE", reference.rotate),
    **_norms("PairRE", reference.pairre),
    "MuRE": Case(scorers.MuRE, _plain(reference.mure)),
    "DistMult": Case(scorers.DistMult, _plain(reference.distmult)),
    "ComplEx": Case(scorers.ComplEx, _plain(reference.complex_score)),
    "RESCAL": Case(scorers.RESCAL, _plain(reference.rescal)),
    "CP": Case(scorers.CP, _plain(reference.cp)),
    "SimplE": Case(scorers.SimplE, _plain(reference.simple)),
    "QuatE": Case(scorers.QuatE, _plain(reference.quate)),
    "TuckER": Case(
        lambda **o: scorers.TuckER(relation_dim=3, dropout=0.5, **o),
        lambda h, r, t, weights: reference.tucker(h, r, t, *weights),
        num_weights=1,
    ),
    "ConvE": Case(
        lambda **o: scorers.ConvE(height=3, filters=2, **o),
        lambda h, r, t, weights: reference.conve(h, r, t, 3, weights),
        dim=13,
        num_weights=10,
    ),
}
BILINEAR = ["DistMult", "ComplEx", "RESCAL", "CP", "SimplE", "QuatE", "TuckER"]

every_scorer = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def vectors(*shape, seed=0):
    """Normally distributed float32 numbers, the same for the same arguments."""
    return np.random.default_rng((seed, *shape)).normal(size=shape).astype("float32")
