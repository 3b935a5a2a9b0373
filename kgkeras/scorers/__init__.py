"""Scorers judge triples of embeddings: higher is more plausible."""

from kgkeras.scorers.bilinear import BilinearScorer
from kgkeras.scorers.complex import ComplEx
from kgkeras.scorers.conve import ConvE
from kgkeras.scorers.cp import CP
from kgkeras.scorers.distmult import DistMult
from kgkeras.scorers.mure import MuRE
from kgkeras.scorers.pairre import PairRE
from kgkeras.scorers.quate import QuatE
from kgkeras.scorers.rescal import RESCAL
from kgkeras.scorers.rotate import RotatE
from kgkeras.scorers.scorer import Scorer
from kgkeras.scorers.simple import SimplE
from kgkeras.scorers.transe import TransE
from kgkeras.scorers.transh import TransH
from kgkeras.scorers.tucker import TuckER

__all__ = [
    "CP",
    "RESCAL",
    "BilinearScorer",
    "ComplEx",
    "ConvE",
    "DistMult",
    "MuRE",
    "PairRE",
    "QuatE",
    "RotatE",
    "Scorer",
    "SimplE",
    "TransE",
    "TransH",
    "TuckER",
]
