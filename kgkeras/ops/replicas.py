"""The replicas that share a batch."""

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


def first_replica(batch):
    """What the first replica holds of a batch that a TensorFlow strategy has split."""
    import tensorflow as tf

    def first(value):
        split = isinstance(value, tf.distribute.DistributedValues)
        return tf.distribute.get_strategy().experimental_local_results(value)[0] if split else value

    return tf.nest.map_structure(first, batch)
