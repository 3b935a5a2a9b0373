"""Looks rows of a table up by id: a negative id yields zeros."""

import keras
from keras import ops

from kgkeras.ops import row_gradients
from kgkeras.ops.replicas import local_copy


def lookup(table, ids, name="ids"):
    """Rows of `table` at `ids`.

    In TensorFlow only the rows that are looked up are read, never the whole variable.

    Args:
        table: `keras.Variable` or tensor `(rows, dim)`.
        ids: Integer tensor of any shape. A negative id means "no row here".
        name: What the ids are called in an error message.

    Returns:
        Tensor `(*ids.shape, dim)`; zeros where the id is negative. Its gradient with respect to
        the table is a dense tensor of the table's size: each row once, however often its id
        occurs. Only where a row-wise optimizer is about to use it (`kgkeras.optimizers`: it says
        so in `scale_loss`, which `fit` calls) is it `tf.IndexedSlices`: one slice per id, repeated
        rows not summed.

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
    if not isinstance(value, tf.Variable):
        value = tf.convert_to_tensor(value)
        return _gather_rows(value, ids, tf.gather, tf.shape(value))
    if tf.distribute.in_cross_replica_context():
        return tf.gather(value, ids)  # Models are built here, but not trained.
    value = local_copy(value)
    # Raw operations do not tell tapes that a variable takes part; reading no rows of it does.
    value.sparse_read(tf.zeros((0,), "int32"))

    def read(handle, ids):
        rows = tf.raw_ops.ResourceGather(resource=handle, indices=ids, dtype=value.dtype)
        return tf.ensure_shape(rows, ids.shape.concatenate(value.shape[1:]))

    return _gather_rows(value.handle, ids, read, tf.constant(value.shape.as_list()), table)


def _gather_rows(source, ids, read, shape, table=None):
    """`read(source, ids)`, with a gradient that suits the optimizer.

    Keras 3's adaptive optimizers square the slices of a sparse gradient one by one, so a row that
    occurs twice in a batch would move too far, and MirroredStrategy joins the replicas' slices
    into repeated rows. They densify the gradient anyway: this does it in time.
    """
    import tensorflow as tf

    since = row_gradients.moment()

    # The source is the variable's handle: given a variable, `tf.custom_gradient` would read it all.
    @tf.custom_gradient
    def gather(source, ids):
        def gradient(upstream):
            slices = tf.reshape(upstream, tf.concat([[-1], shape[1:]], 0))
            rows = tf.reshape(ids, [-1])
            if row_gradients.rows_expected(table, since):
                return tf.IndexedSlices(slices, rows, shape), None
            return tf.math.unsorted_segment_sum(slices, rows, shape[0]), None

        return read(source, ids), gradient

    return gather(source, ids)


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
