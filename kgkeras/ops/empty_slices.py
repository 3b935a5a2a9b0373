"""Sparse gradients that replicas may gather, also where a batch has looked nothing up.

TensorFlow's collective gather of no slices at all ends the process. So each gradient gets a slice
of zeros for the row behind the table's last, and loses it once it is gathered.
"""


def never_empty(gradient):
    """A `tf.IndexedSlices` with a slice for the row behind the last; anything else as it is."""
    import tensorflow as tf

    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    nothing = tf.zeros((1, *gradient.values.shape[1:]), gradient.values.dtype)
    values = tf.concat([gradient.values, nothing], axis=0)
    end = tf.cast(gradient.dense_shape[:1], gradient.indices.dtype)
    indices = tf.concat([gradient.indices, end], axis=0)
    return tf.IndexedSlices(values, indices, gradient.dense_shape)


def without_padding(gradient):
    """The gradient without what `never_empty` has added."""
    import tensorflow as tf

    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    end = tf.cast(gradient.dense_shape[0], gradient.indices.dtype)
    there = tf.where(gradient.indices < end)[:, 0]
    values, indices = (tf.gather(part, there) for part in (gradient.values, gradient.indices))
    return tf.IndexedSlices(values, indices, gradient.dense_shape)
