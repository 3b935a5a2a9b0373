"""The logistic loss of each candidate by itself."""

import keras
from keras import ops

from kgkeras.checks import rate
from kgkeras.losses.counting import mean
from kgkeras.registration import serializable


@serializable
class BinaryCrossEntropyLoss(keras.losses.Loss):
    """`-y log s(x) - (1 - y) log(1 - s(x))`, the mean over candidates, with `s` the logistic.

    Args:
        label_smoothing: Labels become `(1 - label_smoothing) * y + label_smoothing / candidates`.

    Call arguments:
        y_true: `(..., candidates)`: above 0 (as a rule 1) for a true candidate, 0 for a false one,
            -1 for a candidate to ignore.
        y_pred: Scores of the same shape; higher is more plausible.

    Reference: Dettmers et al., Convolutional 2D Knowledge Graph Embeddings, AAAI 2018.
    """

    def __init__(
        self,
        label_smoothing=0.0,
        reduction="sum_over_batch_size",
        name="binary_cross_entropy_loss",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.label_smoothing = rate("label_smoothing", label_smoothing)

    def call(self, y_true, y_pred):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        counted = y_true >= 0
        labels = (1 - self.label_smoothing) * y_true
        if self.label_smoothing:
            number = ops.sum(ops.cast(counted, labels.dtype), axis=-1, keepdims=True)
            labels = labels + self.label_smoothing / ops.maximum(number, 1.0)
        return mean(ops.softplus(y_pred) - labels * y_pred, counted)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
