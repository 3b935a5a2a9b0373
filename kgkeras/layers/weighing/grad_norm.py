"""Weights that bring the tasks' gradients to like sizes."""

from keras import ops

from kgkeras.checks import non_negative
from kgkeras.layers.weighing.task_weighing import TaskWeighing
from kgkeras.registration import serializable


@serializable
class GradNorm(TaskWeighing):
    """Learns `w` by `min sum_i |G_i - mean(G) (L~_i / mean(L~))^alpha|`, with `sum_i w_i = n`.

    `G_i = w_i |g_i|` is the norm of a task's weighed gradient over the weights that tasks share,
    `L~_i = L_i / L_i(0)` how much of its first loss is left. What `G_i` is compared with counts as
    constant. The weights of tasks that are absent from a step change with the sum alone.

    Args:
        alpha: At least 0: how strongly tasks that learn slowly are preferred.
        learning_rate: Of the weights, by plain gradient descent on the above, of gradients divided
            by their mean norm.

    Raises:
        ValueError: If an argument is negative.

    Reference: Chen et al., GradNorm, ICML 2018, equations 1 and 2.
    """

    uses_gradients = True

    def __init__(self, alpha=1.5, learning_rate=0.025, **kwargs):
        super().__init__(**kwargs)
        self.alpha = non_negative("alpha", alpha)
        self.learning_rate = non_negative("learning_rate", learning_rate)

    def build_state(self):
        self.first_losses = self.add_state("first_losses", ops.zeros((len(self.tasks),)))

    def gradient_weights(self, losses, present, products):
        weights = 1.0 * self.weights_now  # not the variable, which is about to change
        first = ops.convert_to_tensor(self.first_losses)
        first = ops.where(ops.logical_and(first == 0, present > 0), losses, first)
        self.first_losses.assign(first)

        def mean(values):  # over the tasks that are there
            return ops.sum(present * values) / ops.maximum(ops.sum(present), 1.0)

        norms = ops.sqrt(ops.maximum(ops.diagonal(products["shared"]), 0.0))
        norms = norms / ops.maximum(mean(norms), 1e-12)
        left = losses / ops.where(first > 0, first, 1.0)
        pace = left / ops.maximum(mean(left), 1e-12)
        wanted = mean(weights * norms) * pace**self.alpha
        slope = ops.sign(weights * norms - wanted) * norms
        moved = ops.maximum(weights - self.learning_rate * present * slope, 1e-3)
        moved = moved * (len(self.tasks) / ops.sum(moved))
        self.weights_now.assign(moved)
        return weights

    def get_config(self):
        config = {"alpha": self.alpha, "learning_rate": self.learning_rate}
        return {**super().get_config(), **config}
