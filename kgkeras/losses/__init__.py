"""Losses over the scores of triples."""

from kgkeras.losses.answers import AnswerLoss
from kgkeras.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from kgkeras.losses.cross_entropy import CrossEntropyLoss
from kgkeras.losses.distillation import DistillationLoss
from kgkeras.losses.hidden_tokens import HiddenTokenLoss
from kgkeras.losses.margin_ranking import MarginRankingLoss
from kgkeras.losses.negative_sampling import NegativeSamplingLoss
from kgkeras.losses.softplus import SoftplusLoss

__all__ = [
    "AnswerLoss",
    "BinaryCrossEntropyLoss",
    "CrossEntropyLoss",
    "DistillationLoss",
    "HiddenTokenLoss",
    "MarginRankingLoss",
    "NegativeSamplingLoss",
    "SoftplusLoss",
]
