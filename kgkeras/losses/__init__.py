"""Losses over the scores of triples."""

from kgkeras.losses.negative_sampling import NegativeSamplingLoss

__all__ = ["NegativeSamplingLoss"]
