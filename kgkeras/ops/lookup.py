"""Looks rows of a table up by id: a negative id yields zeros."""

import keras
from keras import ops


def lookup(table, ids, name="ids"):
    """Rows of `table` at `ids`.

    Args:
        table: `keras.Variable` or tensor `(rows, dim)`.
        ids: Integer tensor of any shape. A negative id means "no row here".
        name: What the ids are called in an error message.

    Returns:
        Tensor `(*ids.shape, dim)`; zeros where the id is negative. Its gradient with respect to
        the table is a dense tensor of the table's size: each row once, however often its id
        occurs.

    Raises:
        ValueError: If `ids` is not of an integer dtype or, in TensorFlow's eager execution, an id
            is not below the number of rows. In a TensorFlow graph on the CPU the gather reports
            such an id; on a GPU, under XLA and on other backends nothing does.
    """
    dtype = keras.backend.standardize_dtype(ids.dtype)
    if "int" not in dtype:
        raise ValueError(f"`{name}` must hold integers. Received: dtype {dtype}.")
    known = ops.expand_dims(ids >= 0, -1)
    rows = _gather(table, ops.maximum(ids, 0), name)
    # `where`, not a product with the mask: 0 * NaN is NaN.
    return ops.where(known, rows, ops.zeros((), rows.dtype))


def _gather(table, ids, name):
    if keras.backend.backend() != "tensorflow":
        return ops.take(table, ids, axis=0)
    import tensorflow as tf

    if tf.executing_eagerly() and tf.is_tensor(ids):
        _check_range(ids, table.shape[0], name)
    value = table.value if isinstance(table, keras.Variable) else table
    return tf.nn.embedding_lookup(_summed_gradient(value), ids)


def _summed_gradient(table):
    """`table` itself, but repeated rows of its gradient are added up before an optimizer sees them.

    Keras 3's adaptive optimizers square the slices of a sparse gradient one by one, so a row that
    occurs twice in a batch would move too far, and MirroredStrategy joins the replicas' slices
    into repeated rows. They densify the gradient anyway: this only does it in time.
    """
    import tensorflow as tf

    @tf.custom_gradient
    def identity(value):
        return tf.identity(value), tf.convert_to_tensor

    return identity(tf.convert_to_tensor(table))


def _check_range(ids, num_rows, name):
    import numpy as np

    values = np.asarray(ids)
    wrong = np.argwhere(values >= num_rows)
    if len(wrong):
        position = tuple(int(i) for i in wrong[0])
        raise ValueError(
            f"`{name}` must be below {num_rows}, the number of rows. "
            f"Received: {int(values[position])} at position {position}."
        )
