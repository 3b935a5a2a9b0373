"""Functions applied to the elements of a dataset."""

import tensorflow as tf


def parallel_map(dataset, function):
    """`dataset.map(function)`, on as many threads as pay.

    The function is traced as it is: AutoGraph, which would first translate it and every function it
    calls, takes seconds for it and is needed only where Python's `if` and `for` meet tensors.

    Args:
        dataset: `tf.data.Dataset`.
        function: Function of an element, in TensorFlow operations.

    Returns:
        `tf.data.Dataset` in the same order.
    """
    return dataset.map(tf.autograph.experimental.do_not_convert(function), tf.data.AUTOTUNE)
