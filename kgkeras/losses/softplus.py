"""The logistic loss of signed scores."""

import keras
from keras import ops

from kgkeras.losses.counting import mean
from kgkeras.registration import serializable


@serializable
class SoftplusLoss(keras.losses.Loss):
    """`log(1 + exp(-y s))` with `y` 1 for true and -1 for false candidates; the mean over them.

    Call arguments:
        y_true: `(..., candidates)`: above 0 for a true candidate, 0 for a false one, -1 for a
            candidate to ignore.
        y_pred: Scores of the same shape; higher is more plausible.

    Reference: Trouillon et al., Complex Embeddings for Simple Link Prediction, ICML 2016.
    """

    def __init__(self, reduction="sum_over_batch_size", name="softplus_loss", **kwargs):
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true, y_pred):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        return mean(ops.softplus(ops.where(y_true > 0, -y_pred, y_pred)), y_true >= 0)
