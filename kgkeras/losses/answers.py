"""The softmax loss over all entities, for questions with one answer or several."""

import keras
from keras import ops

from kgkeras.losses.cross_entropy import CrossEntropyLoss
from kgkeras.registration import serializable


@serializable
class AnswerLoss(keras.losses.Loss):
    """The mean over a question's answers of `log sum_j exp(s_j) - s_i`.

    Call arguments:
        y_true: Integer tensor `(batch, answers)`: ids of different entities; negative ones fill
            up. A question without answers costs nothing.
        y_pred: Scores `(batch, num_entities)`.
    """

    def __init__(self, reduction="sum_over_batch_size", name="answer_loss", **kwargs):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self._loss = CrossEntropyLoss(per="query")

    def call(self, y_true, y_pred):
        # `Loss.__call__` has made floats of the ids: exact up to 2^24, of which tables are smaller.
        return self._loss.from_answers(ops.cast(y_true, "int32"), y_pred)
