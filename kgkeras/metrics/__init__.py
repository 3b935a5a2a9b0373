"""Averages of ranks as Keras metrics; `ops.ranks_from_scores` makes the ranks."""

from kgkeras.metrics.answer_accuracy import AnswerAccuracy
from kgkeras.metrics.hidden_token_accuracy import HiddenTokenAccuracy
from kgkeras.metrics.ranking import HitsAt, MeanRank, MeanReciprocalRank
from kgkeras.metrics.span_f1 import SpanF1

__all__ = [
    "AnswerAccuracy",
    "HiddenTokenAccuracy",
    "HitsAt",
    "MeanRank",
    "MeanReciprocalRank",
    "SpanF1",
]
