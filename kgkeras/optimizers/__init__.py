"""Optimizers for models of words and facts."""

from kgkeras.optimizers.multi_rate_adam import MultiRateAdam

__all__ = ["MultiRateAdam"]
