"""The hinge between true and false candidates."""

import keras
from keras import ops

from kgkeras.checks import non_negative
from kgkeras.losses.counting import mean
from kgkeras.registration import serializable


@serializable
class MarginRankingLoss(keras.losses.Loss):
    """`max(0, margin - y+ + y_i)`, the mean over false candidates `i`.

    Args:
        margin: At least 0: how far the true candidate should be ahead.

    Call arguments:
        y_true: `(..., candidates)`: above 0 for the true candidate, 0 for a false one, -1 for a
            candidate to ignore. Where several are true, their mean score counts; a row without a
            true or without a false candidate costs nothing.
        y_pred: Scores of the same shape; higher is more plausible.

    Reference: Bordes et al., Translating Embeddings for Modeling Multi-relational Data, NIPS 2013.
    """

    def __init__(
        self, margin=1.0, reduction="sum_over_batch_size", name="margin_ranking_loss", **kwargs
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.margin = non_negative("margin", margin)

    def call(self, y_true, y_pred):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        true = y_true > 0
        positive = ops.expand_dims(mean(y_pred, true), -1)
        counted = ops.logical_and(y_true == 0, ops.any(true, axis=-1, keepdims=True))
        return mean(ops.relu(self.margin - positive + y_pred), counted)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
