"""The logistic loss over one positive and its sampled negatives."""

import keras
from keras import ops

from kgkeras.checks import non_negative
from kgkeras.registration import serializable


@serializable
class NegativeSamplingLoss(keras.losses.Loss):
    """`-log s(margin + y+) - sum_i w_i log s(-margin - y_i)`, with `s` the logistic function.

    The weights `w` are a softmax over the negatives' scores, without gradient: hard negatives
    count more. At temperature 0 they are uniform.

    Args:
        margin: Added to every score; for distances (TransE) a positive number, 0 for products.
        temperature: At least 0: how strongly the weights follow the scores.

    Call arguments:
        y_true: `(..., 1 + negatives)`: 1 for the positive, 0 for a negative, -1 for a candidate to
            ignore (one that is known to be true).
        y_pred: Scores of the same shape; higher is more plausible.

    Reference: Sun et al., RotatE, ICLR 2019, equations 5 and 6.
    """

    def __init__(
        self,
        margin=0.0,
        temperature=1.0,
        reduction="sum_over_batch_size",
        name="negative_sampling_loss",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.margin = float(margin)
        self.temperature = non_negative("temperature", temperature)

    def call(self, y_true, y_pred):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        logits = self.margin + y_pred
        gain = ops.sum(ops.where(y_true == 1, ops.log_sigmoid(logits), 0.0), axis=-1)
        negative = y_true == 0
        attention = ops.where(negative, self.temperature * y_pred, -1e9)
        weight = ops.stop_gradient(ops.softmax(attention, axis=-1))
        # Where every candidate is to be ignored, the softmax is uniform over what must not count.
        cost = ops.sum(ops.where(negative, weight * ops.log_sigmoid(-logits), 0.0), axis=-1)
        return -gain - cost

    def get_config(self):
        return {
            **super().get_config(),
            "margin": self.margin,
            "temperature": self.temperature,
        }
