"""Weights that are given beforehand."""

import keras
from keras import ops

from kgkeras.checks import non_negative
from kgkeras.layers.weighing.task_weighing import TaskWeighing
from kgkeras.registration import serializable


@serializable
class FixedWeights(TaskWeighing):
    """`L = sum_i w_i L_i`, each weight a number or a schedule.

    Args:
        values: Dict from the name of a task to its weight, at least 0, or to a Keras
            `LearningRateSchedule` of steps; tasks that it does not name weigh 1. None: all do.

    Raises:
        ValueError: If a weight is negative, or there is no such task.
    """

    def __init__(self, values=None, **kwargs):
        super().__init__(**kwargs)
        self.values = dict(values or {})
        for task, value in self.values.items():
            if not _is_schedule(value):
                non_negative(f"values[{task!r}]", value)

    def build_state(self):
        if unknown := sorted(set(self.values) - set(self.tasks)):
            raise ValueError(
                f"`values` must be of the tasks {list(self.tasks)}. Received: {unknown}."
            )
        self.step = self.add_state("step", ops.zeros(()))

    def loss_weights(self, losses, present, training):
        values = [self.values.get(task, 1.0) for task in self.tasks]
        values = [value(self.step) if _is_schedule(value) else value for value in values]
        weights = ops.stack([ops.cast(value, "float32") for value in values])
        if training:
            self.step.assign(self.step + 1)
        return weights

    def get_config(self):
        values = {
            task: keras.saving.serialize_keras_object(value) if _is_schedule(value) else value
            for task, value in self.values.items()
        }
        return {**super().get_config(), "values": values}

    @classmethod
    def from_config(cls, config):
        values = {
            task: keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
            for task, value in config["values"].items()
        }
        return cls(**{**config, "values": values})


def _is_schedule(value):
    return isinstance(value, keras.optimizers.schedules.LearningRateSchedule)
