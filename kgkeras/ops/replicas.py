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


def local_copy(variable):
    """The copy of a TensorFlow variable that this replica, or this update, works on.

    A variable of `MirroredStrategy` cannot look up rows by itself: it would read them all.
    """
    import tensorflow as tf

    if not isinstance(variable, tf.distribute.DistributedValues):
        return variable
    # Its own copies, not those that the strategy knows: none does where a model is asked later.
    handle = variable.handle
    return next(copy for copy in variable.values if copy.handle is handle)


def replica_mean(tensor):
    """The mean of a tensor over the replicas, within a replica's step."""
    if num_replicas() == 1:
        return tensor
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return tensor if context is None else context.all_reduce(tf.distribute.ReduceOp.MEAN, tensor)
