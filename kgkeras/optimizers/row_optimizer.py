"""What optimizers that update only the looked-up rows of a table have in common."""

import warnings

import keras
import tensorflow as tf
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

from kgkeras.checks import describe
from kgkeras.ops import row_gradients
from kgkeras.ops.empty_slices import never_empty, without_padding
from kgkeras.ops.replicas import local_copy, num_replicas
from kgkeras.optimizers.multipliers import WithMultipliers

_REMEDIES = {
    "weight_decay": "decay rows in the loss instead, such as with `kgkeras.regularizers.L2`",
    "use_ema": "an average would be taken over whole tables in every step",
    "loss_scale_factor": "keep tables in float32 or bfloat16, which need no scaling",
    "gradient_accumulation_steps": "sums of gradients are dense; use a larger batch",
}


class RowOptimizer(WithMultipliers, keras.optimizers.Optimizer):
    """An optimizer that takes sparse gradients by the row and never touches the other rows.

    Subclasses implement `update_rows` for `tf.IndexedSlices` and `update_dense` for the rest.

    Args:
        learning_rate: Float or schedule.
        multipliers: Dict from a part of variables' paths to a factor of their learning rate, as
            in `MultiRateAdam`.
        name: Name of the optimizer.
        **kwargs: As for `keras.optimizers.Optimizer`. Clipping looks at repeated rows once they
            are summed.

    Raises:
        ValueError: For the options of Keras that would make sparse gradients dense:
            `weight_decay`, `use_ema`, `loss_scale_factor`, `gradient_accumulation_steps`.
    """

    def __init__(self, learning_rate, multipliers, name, **kwargs):
        for option, remedy in _REMEDIES.items():
            if kwargs.get(option):
                raise ValueError(
                    f"{type(self).__name__} does not support `{option}`: {remedy}. "
                    f"{describe(kwargs[option])}."
                )
        super().__init__(multipliers, learning_rate=learning_rate, name=name, **kwargs)

    def scale_loss(self, loss):
        # `fit` calls this before it takes the gradient: the time to ask lookups for rows.
        if _under_xla():
            warnings.warn(
                f"{type(self).__name__} updates whole tables under XLA. To update only the rows "
                "that a batch looks up, pass `jit_compile=False` to `compile`.",
                stacklevel=2,
            )
        else:
            row_gradients.expect_rows(self._wants_rows)
        return super().scale_loss(loss)

    def _wants_rows(self, variable):
        return not self.built or self._var_key(variable) in self._trainable_variables_indices

    def apply(self, grads, trainable_variables=None):
        dense = not any(isinstance(grad, tf.IndexedSlices) for grad in grads)
        if dense and not (tf.executing_eagerly() or _under_xla() or row_gradients.expecting()):
            warnings.warn(
                f"{type(self).__name__} updates whole tables, as its `scale_loss` was not called "
                "before gradients were taken. `fit` calls it; `LossScaleOptimizer`, which Keras "
                "puts around optimizers under `mixed_float16`, does not: use `mixed_bfloat16`.",
                stacklevel=2,
            )
        row_gradients.stop_expecting()
        if num_replicas() > 1:
            grads = [never_empty(g) for g in grads]
        super().apply(grads, trainable_variables)

    def _clip_gradients(self, grads):
        if not (self.clipnorm or self.global_clipnorm or self.clipvalue):
            return grads
        grads = [sum_rows(grad) if isinstance(grad, tf.IndexedSlices) else grad for grad in grads]
        if self.global_clipnorm:
            return tf.clip_by_global_norm(grads, self.global_clipnorm)[0]
        if self.clipnorm:
            return [tf.clip_by_norm(grad, self.clipnorm) for grad in grads]
        return [tf.clip_by_value(grad, -self.clipvalue, self.clipvalue) for grad in grads]

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        learning_rate = tf.cast(learning_rate * self._factors[index], variable.dtype)
        gradient = tf.cast(gradient, variable.dtype)
        if isinstance(gradient, tf.IndexedSlices):
            # Replicas' slices come joined: rows may repeat even where each replica summed its own.
            gradient = sum_rows(gradient)
            gradient = without_padding(gradient) if num_replicas() > 1 else gradient
            self.update_rows(gradient, variable, index, learning_rate)
        else:
            self.update_dense(gradient, variable, index, learning_rate)

    def update_rows(self, gradient, variable, index, learning_rate):
        """Updates the rows of `variable` and of its state that `gradient` names.

        Args:
            gradient: `tf.IndexedSlices`, each row once.
            variable: `tf.Variable`.
            index: Position of the variable in the list that the optimizer was built with.
            learning_rate: That of this variable, a scalar tensor.
        """
        raise NotImplementedError

    def update_dense(self, gradient, variable, index, learning_rate):
        """Updates all of `variable`; arguments as in `update_rows`, a tensor as the gradient."""
        raise NotImplementedError


def _under_xla():
    if tf.executing_eagerly():
        return False
    return GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def sum_rows(gradient):
    """`tf.IndexedSlices` with each row once: slices of the same row are added up."""
    rows, position = tf.unique(gradient.indices)
    # Sorting first is two to four times as fast as `unsorted_segment_sum` where rows repeat often.
    order = tf.argsort(position)
    slices = tf.sparse.segment_sum(gradient.values, order, tf.gather(position, order))
    return tf.IndexedSlices(slices, rows, gradient.dense_shape)


def gather_rows(state, rows):
    """Rows of a Keras variable, without reading the others."""
    return tf.gather(local_copy(state.value), rows)


def scatter_rows(state, slices, rows):
    """Replaces rows of a Keras variable."""
    local_copy(state.value).scatter_update(tf.IndexedSlices(slices, rows))
