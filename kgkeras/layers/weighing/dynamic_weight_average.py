"""Weights by how fast each loss falls."""

from keras import ops

from kgkeras.checks import positive, positive_int
from kgkeras.layers.weighing.task_weighing import TaskWeighing
from kgkeras.registration import serializable


@serializable
class DynamicWeightAverage(TaskWeighing):
    """`w_i = n softmax_i(r_i / T)` with `r_i = L_i(t - 1) / L_i(t - 2)`.

    `L_i(t)` is the mean loss in period `t`; in the first two all weights are 1. A task whose loss
    falls more slowly than others' gets more weight.

    Args:
        period: Steps of a period; in the paper an epoch.
        temperature: `T`, above 0: the higher, the more alike the weights.

    Raises:
        ValueError: If an argument is out of range.

    Reference: Liu et al., End-to-End Multi-Task Learning with Attention, CVPR 2019, equation 7.
    """

    def __init__(self, period, temperature=2.0, **kwargs):
        super().__init__(**kwargs)
        self.period = positive_int("period", period)
        self.temperature = positive("temperature", temperature)

    def build_state(self):
        zeros = ops.zeros((len(self.tasks),))
        self.step = self.add_state("step", ops.zeros(()))
        # The sums of the period under way; the means of the last one and of that before.
        self.sums, self.counts = self.add_state("sums", zeros), self.add_state("counts", zeros)
        self.last, self.before = self.add_state("last", zeros), self.add_state("before", zeros)

    def loss_weights(self, losses, present, training):
        weights = ops.convert_to_tensor(self.weights_now)
        if not training:
            return weights
        step, sums, counts, last, before = (
            ops.convert_to_tensor(state)
            for state in (self.step, self.sums, self.counts, self.last, self.before)
        )
        begins = ops.logical_and(step > 0, ops.equal(step % self.period, 0))
        # A task that the last period had no example of keeps its mean.
        mean = ops.where(counts > 0, sums / ops.maximum(counts, 1.0), last)
        before = ops.where(begins, last, before)
        last = ops.where(begins, mean, last)
        ratio = ops.where(before > 0, last / ops.where(before > 0, before, 1.0), 1.0)
        new = len(self.tasks) * ops.softmax(ratio / self.temperature)
        weights = ops.where(begins, new, weights)
        sums, counts = (ops.where(begins, 0.0, total) for total in (sums, counts))
        self.sums.assign(sums + present * self.mean_losses(losses))
        self.counts.assign(counts + present)
        self.last.assign(last)
        self.before.assign(before)
        self.step.assign(step + 1)
        return weights

    def get_config(self):
        config = {"period": self.period, "temperature": self.temperature}
        return {**super().get_config(), **config}
