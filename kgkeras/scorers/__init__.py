"""Scorers judge triples of embeddings: higher is more plausible."""

from kgkeras.scorers.complex import ComplEx
from kgkeras.scorers.distmult import DistMult
from kgkeras.scorers.scorer import Scorer
from kgkeras.scorers.transe import TransE

__all__ = ["ComplEx", "DistMult", "Scorer", "TransE"]
