"""Adam for large tables: only the rows that a batch looks up are touched."""

import tensorflow as tf

from kgkeras.checks import non_negative, rate
from kgkeras.optimizers.row_optimizer import RowOptimizer, gather_rows, scatter_rows
from kgkeras.registration import serializable


@serializable
class LazyAdam(RowOptimizer):
    """Adam whose moments move only where a row is looked up, in time of the batch, not the table.

    Not the same numbers as `keras.optimizers.Adam`: there, rows outside of the batch move on by
    their old momentum, and their moments decay. A batch that looks every row up gives the same
    numbers, and so does every variable with a dense gradient. For when gradients are sparse, see
    `SparseAdagrad`. Under XLA (`jit_compile=True`) all gradients are dense.

    Args:
        learning_rate: Float or schedule.
        beta_1: Rate at which the first moment decays.
        beta_2: Rate at which the second moment decays.
        epsilon: Added to the square root of the second moment, as in Keras. With 0, an element
            whose gradients were all 0 stays.
        multipliers: Dict from a part of variables' paths to a factor of their learning rate, such
            as `{"relations": 0.5}`. The first that fits counts; 1 where none does.
        name: Name of the optimizer.
        **kwargs: As for `keras.optimizers.Optimizer`, but for options that would make gradients
            dense.

    Reference: Kingma & Ba, Adam, ICLR 2015.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        multipliers=None,
        name="lazy_adam",
        **kwargs,
    ):
        super().__init__(learning_rate, multipliers, name, **kwargs)
        self.beta_1 = rate("beta_1", beta_1)
        self.beta_2 = rate("beta_2", beta_2)
        self.epsilon = non_negative("epsilon", epsilon)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )

    def update_rows(self, gradient, variable, index, learning_rate):
        rows, slices = gradient.indices, gradient.values
        states = self._momentums[index], self._velocities[index]
        moments = self._moments(slices, *(gather_rows(state, rows) for state in states))
        for state, moment in zip(states, moments, strict=True):
            scatter_rows(state, moment, rows)
        variable.scatter_sub(tf.IndexedSlices(self._step(*moments, learning_rate), rows))

    def update_dense(self, gradient, variable, index, learning_rate):
        states = self._momentums[index], self._velocities[index]
        moments = self._moments(gradient, *(tf.convert_to_tensor(state.value) for state in states))
        for state, moment in zip(states, moments, strict=True):
            self.assign(state, moment)
        self.assign_sub(variable, self._step(*moments, learning_rate))

    def _moments(self, gradient, momentum, velocity):
        return (
            momentum + (gradient - momentum) * (1 - self.beta_1),
            velocity + (tf.square(gradient) - velocity) * (1 - self.beta_2),
        )

    def _step(self, momentum, velocity, learning_rate):
        # Half precision has no number between .999 and 1.
        dtype = tf.float64 if momentum.dtype == tf.float64 else tf.float32
        step = tf.cast(self.iterations + 1, dtype)
        first, second = (1 - tf.pow(beta, step) for beta in (self.beta_1, self.beta_2))
        scale = tf.cast(tf.sqrt(second) / first, momentum.dtype)
        # 0 / 0 is an element that has never had a gradient.
        direction = tf.math.divide_no_nan(momentum, tf.sqrt(velocity) + self.epsilon)
        return learning_rate * scale * direction

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
