"""Adagrad for large tables: only the rows that a batch looks up are touched."""

import tensorflow as tf

from kgkeras.checks import non_negative
from kgkeras.ops.replicas import local_copy
from kgkeras.optimizers.row_optimizer import RowOptimizer, gather_rows, scatter_rows
from kgkeras.registration import serializable


@serializable
class SparseAdagrad(RowOptimizer):
    """`a += g^2; w -= learning_rate * g / sqrt(a + epsilon)`, in time of the batch, not the table.

    The same numbers as `keras.optimizers.Adagrad` on the dense gradient: slices of a row that
    occurs more than once are added up first, and rows that do not occur would not move anyway.
    Tables stay sparse that models look up with our layers (or `kgkeras.ops.lookup`) and train with
    `fit`; a loop of your own calls `optimizer.scale_loss(loss)` before it takes the gradient.
    Compile with `jit_compile=False`: under XLA whole tables are updated, with the same numbers.

    Args:
        learning_rate: Float or schedule.
        initial_accumulator_value: What accumulators start from.
        epsilon: Added under the square root. With 0, an element whose gradients were all 0 stays.
        row_wise: If True, each row of a matrix has one accumulator, which adds up the mean of the
            row's squares: half of the memory.
        multipliers: Dict from a part of variables' paths to a factor of their learning rate, such
            as `{"relations": 0.5}`. The first that fits counts; 1 where none does.
        name: Name of the optimizer.
        **kwargs: As for `keras.optimizers.Optimizer`, but for options that would make gradients
            dense.

    Reference: Duchi et al., Adaptive Subgradient Methods, JMLR 2011; row-wise as in
    Lerer et al., PyTorch-BigGraph, MLSys 2019.
    """

    def __init__(
        self,
        learning_rate=0.1,
        initial_accumulator_value=0.0,
        epsilon=1e-20,
        row_wise=False,
        multipliers=None,
        name="sparse_adagrad",
        **kwargs,
    ):
        super().__init__(learning_rate, multipliers, name, **kwargs)
        self.initial_accumulator_value = non_negative(
            "initial_accumulator_value", initial_accumulator_value
        )
        self.epsilon = non_negative("epsilon", epsilon)
        self.row_wise = bool(row_wise)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._accumulators = [self._accumulator(variable) for variable in variables]

    def _accumulator(self, variable):
        def initializer(shape, dtype):
            # Keras' own `Constant` needs the memory of two tables for a moment.
            return tf.fill(shape, tf.constant(self._start(dtype)))

        if not self._by_row(variable):
            return self.add_variable_from_reference(variable, "accumulator", initializer)
        shape = (variable.shape[0], *[1] * (len(variable.shape) - 1))
        name = f"{variable.path.replace('/', '_')}_accumulator"
        return self.add_variable(shape, initializer, dtype=variable.dtype, name=name)

    def _start(self, dtype):
        """What accumulators hold at first; what is added under the root may as well be there."""
        return tf.as_dtype(dtype).as_numpy_dtype(self.initial_accumulator_value + self.epsilon)

    def _by_row(self, variable):
        return self.row_wise and len(variable.shape) > 1

    def _squares(self, gradient, variable):
        squares = tf.square(gradient)
        if not self._by_row(variable):
            return squares
        return tf.reduce_mean(squares, axis=list(range(1, len(variable.shape))), keepdims=True)

    def _step(self, gradient, accumulator, learning_rate):
        # 0 / 0 is an element that has never had a gradient.
        return learning_rate * tf.math.divide_no_nan(gradient, tf.sqrt(accumulator))

    def update_rows(self, gradient, variable, index, learning_rate):
        rows, slices = gradient.indices, gradient.values
        state = self._accumulators[index]
        accumulator = gather_rows(state, rows) + self._squares(slices, variable)
        scatter_rows(state, accumulator, rows)
        step = self._step(slices, accumulator, learning_rate)
        variable.scatter_sub(tf.IndexedSlices(step, rows))

    def update_dense(self, gradient, variable, index, learning_rate):
        state = self._accumulators[index]
        if self._start(variable.dtype) > 0 and not self._by_row(variable):
            # One pass over the table in place of five; it would make NaN of 0 / 0, also where the
            # epsilon is too small for the dtype.
            copies = (local_copy(variable), local_copy(state.value))
            var, accum = (copy.handle for copy in copies)
            tf.raw_ops.ResourceApplyAdagrad(var=var, accum=accum, lr=learning_rate, grad=gradient)
            return
        self.assign_add(state, self._squares(gradient, variable))
        self.assign_sub(
            variable, self._step(gradient, tf.convert_to_tensor(state.value), learning_rate)
        )

    def get_config(self):
        return {
            **super().get_config(),
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
            "row_wise": self.row_wise,
        }
