"""The loss of a student beside its teacher's scores."""

import keras
from keras import ops

from kgkeras.checks import positive
from kgkeras.registration import serializable


@serializable
class DistillationLoss(keras.losses.Loss):
    """`T^2 * KL(softmax(y_true / T) || softmax(y_pred / T))` over the last axis.

    The square keeps the size of the gradients whatever the temperature is.

    Args:
        temperature: Above 0; the higher, the more the order of unlikely candidates counts.

    Call arguments:
        y_true: Logits of the teacher `(..., candidates)`; -inf leaves a candidate out of the
            teacher's answers.
        y_pred: Logits of the student, of the same shape.

    Reference: Hinton et al., Distilling the Knowledge in a Neural Network, 2015.
    """

    def __init__(
        self,
        temperature=2.0,
        reduction="sum_over_batch_size",
        name="distillation_loss",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.temperature = positive("temperature", temperature)

    def call(self, y_true, y_pred):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if y_true.shape[-1] != y_pred.shape[-1] and None not in (
            y_true.shape[-1],
            y_pred.shape[-1],
        ):
            raise ValueError(
                f"Teacher and student must judge as many candidates. Received: {y_true.shape[-1]} "
                f"and {y_pred.shape[-1]}."
            )
        teacher = ops.log_softmax(y_true / self.temperature)
        student = ops.log_softmax(y_pred / self.temperature)
        likely = ops.exp(teacher)
        # 0 * infinity would be NaN.
        each = ops.where(likely > 0, likely * (teacher - student), 0.0)
        return self.temperature**2 * ops.sum(each, axis=-1)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
