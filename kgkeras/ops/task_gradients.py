"""Gradients of several losses with respect to the same variables, on TensorFlow."""

import keras

from kgkeras.ops.empty_slices import never_empty, without_padding
from kgkeras.ops.replicas import num_replicas


def inner_products(gradients):
    """The inner products of the gradients of tasks, over all replicas.

    Args:
        gradients: List, one a task, of lists, one a variable, of a tensor, of `tf.IndexedSlices`
            or of None where the task does not use the variable: this replica's share.

    Returns:
        Dict of float32 tensors `(tasks, tasks)`: `"all"`, over all variables, and `"shared"`, over
        those that at least two tasks use.
    """
    import tensorflow as tf

    tasks = len(gradients)
    zeros = tf.zeros((tasks, tasks))
    products = {"all": zeros, "shared": zeros}
    for column in zip(*gradients, strict=True):
        used = [place for place, gradient in enumerate(column) if gradient is not None]
        if not used:
            continue
        matrix = _products([_summed(column[place]) for place in used])
        places = tf.constant([[i, j] for i in used for j in used])
        matrix = tf.scatter_nd(places, tf.reshape(matrix, [-1]), (tasks, tasks))
        products["all"] += matrix
        if len(used) > 1:
            products["shared"] += matrix
    return products


def weighed_sum(gradients, weights):
    """`sum_i weights_i * gradient_i` of each variable; slices stay slices where all are.

    Args:
        gradients: As of `inner_products`.
        weights: Float32 tensor, one a task.

    Returns:
        List of tensors, `tf.IndexedSlices` and None.
    """
    return [_weighed(column, weights) for column in zip(*gradients, strict=True)]


def check_backend(what):
    """Raises a `RuntimeError` unless Keras runs on TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"{what} needs the gradient of each task, which is computed on the TensorFlow backend "
            f"only. Received: the backend {keras.backend.backend()!r}."
        )


def _weighed(column, weights):
    import tensorflow as tf

    scaled = []
    for place, gradient in enumerate(column):
        if isinstance(gradient, tf.IndexedSlices):
            values = gradient.values * tf.cast(weights[place], gradient.values.dtype)
            scaled.append(tf.IndexedSlices(values, gradient.indices, gradient.dense_shape))
        elif gradient is not None:
            scaled.append(gradient * tf.cast(weights[place], gradient.dtype))
    if not scaled:
        return None
    if all(isinstance(gradient, tf.IndexedSlices) for gradient in scaled):
        return tf.IndexedSlices(
            tf.concat([gradient.values for gradient in scaled], axis=0),
            tf.concat([gradient.indices for gradient in scaled], axis=0),
            scaled[0].dense_shape,
        )
    return tf.add_n([tf.convert_to_tensor(gradient) for gradient in scaled])


def _summed(gradient):
    """The sum over the replicas."""
    if num_replicas() == 1:
        return gradient
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    summed = context.all_reduce(tf.distribute.ReduceOp.SUM, never_empty(gradient))
    return without_padding(summed)


def _products(column):
    """The inner products of the gradients of one variable: `(tasks, tasks)`."""
    import tensorflow as tf

    if all(isinstance(gradient, tf.IndexedSlices) for gradient in column):
        # Only rows that some task has looked up; each once.
        rows, place = tf.unique(tf.concat([g.indices for g in column], axis=0))
        places = tf.split(place, [tf.shape(g.indices)[0] for g in column])
        column = [
            tf.math.unsorted_segment_sum(g.values, at, tf.size(rows))
            for g, at in zip(column, places, strict=True)
        ]
    flat = tf.stack(
        [tf.reshape(tf.cast(tf.convert_to_tensor(g), tf.float32), [-1]) for g in column]
    )
    return tf.matmul(flat, flat, transpose_b=True)
