"""How many hidden tokens are told right."""

from keras import ops

from kgkeras.metrics.share import Share
from kgkeras.registration import serializable


@serializable
class HiddenTokenAccuracy(Share):
    """The share of hidden places whose token has the largest logit; arguments as of the loss.

    Args:
        name: Name of the metric.
        dtype: Keras dtype or policy.
    """

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.convert_to_tensor(y_true)
        right = ops.cast(ops.argmax(y_pred, axis=-1), y_true.dtype) == y_true
        used = ops.cast(y_true >= 0, "float32")
        if sample_weight is not None:
            used = used * ops.expand_dims(ops.cast(sample_weight, "float32"), -1)
        return super().update_state(ops.cast(right, "float32"), used)
