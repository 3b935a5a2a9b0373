"""Weights by how uncertain the model is of each task, learned with it."""

from keras import ops

from kgkeras.layers.weighing.task_weighing import TaskWeighing
from kgkeras.registration import serializable


@serializable
class UncertaintyWeights(TaskWeighing):
    """`L = sum_i exp(-s_i) L_i + s_i / 2` with trained `s_i = log sigma_i^2`.

    This is the form for classification, which all losses of this package are; regression has half
    of the first term, which shifts `s_i` by `log 2` and nothing else. The least of the sum over
    `s_i` is where `exp(-s_i) = 1 / (2 L_i)`.

    Reference: Kendall et al., Multi-Task Learning Using Uncertainty, CVPR 2018, equation 10.
    """

    def build_state(self):
        self.log_variances = self.add_weight(
            shape=(len(self.tasks),), initializer="zeros", autocast=False, name="log_variances"
        )

    def call(self, losses, present, training=None):
        log_variances = ops.convert_to_tensor(self.log_variances)
        weights = ops.exp(-log_variances)
        if training:
            self.weights_now.assign(ops.stop_gradient(weights))
        return ops.sum(present * (weights * losses + log_variances / 2))
