"""How many questions are answered right."""

from keras import ops

from kgkeras.metrics.share import Share
from kgkeras.registration import serializable


@serializable
class AnswerAccuracy(Share):
    """The share of questions whose best entity is one of the answers (Hits@1).

    The arguments are as of `losses.AnswerLoss`; a question without answers counts as missed.

    Args:
        name: Name of the metric.
        dtype: Keras dtype or policy.
    """

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.convert_to_tensor(y_true)
        best = ops.cast(ops.argmax(y_pred, axis=-1), y_true.dtype)
        right = ops.any(ops.expand_dims(best, -1) == y_true, axis=-1)
        return super().update_state(ops.cast(right, "float32"), sample_weight)
