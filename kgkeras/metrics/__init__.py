"""Averages of ranks as Keras metrics; `ops.ranks_from_scores` makes the ranks."""

from kgkeras.metrics.ranking import HitsAt, MeanRank, MeanReciprocalRank

__all__ = ["HitsAt", "MeanRank", "MeanReciprocalRank"]
