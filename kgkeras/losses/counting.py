"""Means over the candidates that count."""

from keras import ops


def mean(values, counted):
    """Mean over the last axis where `counted`; 0 where nothing counts."""
    # `where`, not a product: an ignored score may be infinite.
    total = ops.sum(ops.where(counted, values, 0.0), axis=-1)
    number = ops.sum(ops.cast(counted, total.dtype), axis=-1)
    return total / ops.maximum(number, 1.0)
