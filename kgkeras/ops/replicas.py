"""How many replicas share the batch."""

import keras


def num_replicas():
    """Number of replicas in sync: 1 outside of a TensorFlow distribution strategy.

    Keras scales each loss by its inverse, so that the sum over replicas is the mean over the
    global batch; logs need the factor back.
    """
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync
