"""Averages of ranks; rank 1 is best."""

import keras
from keras import ops

from kgkeras.checks import positive_int
from kgkeras.registration import serializable


class _RankMetric(keras.metrics.Mean):
    """The mean of a function of ranks."""

    def update_state(self, ranks, sample_weight=None):
        return super().update_state(self._value(ops.cast(ranks, self.dtype)), sample_weight)


@serializable
class MeanReciprocalRank(_RankMetric):
    """Mean of `1 / rank`, in (0, 1]; higher is better.

    Args:
        name: Name of the metric.
        dtype: Keras dtype or policy.
    """

    def __init__(self, name="mrr", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._direction = "up"

    def _value(self, ranks):
        return 1 / ranks


@serializable
class MeanRank(_RankMetric):
    """Mean of the ranks, at least 1; lower is better.

    Args:
        name: Name of the metric.
        dtype: Keras dtype or policy.
    """

    def __init__(self, name="mr", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._direction = "down"

    def _value(self, ranks):
        return ranks


@serializable
class HitsAt(_RankMetric):
    """Share of ranks that are no worse than `k`, in [0, 1]; higher is better.

    Args:
        k: The worst rank that counts as a hit.
        name: Name of the metric; None makes it `hits@k`.
        dtype: Keras dtype or policy.

    Raises:
        ValueError: If `k` is not a positive integer.
    """

    def __init__(self, k=10, name=None, dtype=None):
        self.k = positive_int("k", k)
        super().__init__(name=name or f"hits@{self.k}", dtype=dtype)
        self._direction = "up"

    def _value(self, ranks):
        return ranks <= self.k

    def get_config(self):
        return {**super().get_config(), "k": self.k}
