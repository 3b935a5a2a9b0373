"""Shares of what is right."""

import keras


class Share(keras.metrics.Mean):
    """Base of metrics in [0, 1]; higher is better.

    Args:
        name: Name of the metric.
        dtype: Keras dtype or policy.
    """

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._direction = "up"
