"""A Keras model that learns its shapes from one replica's part of a batch."""

import keras
from keras import ops

from kgkeras.ops import first_replica, num_replicas


class ReplicatedModel(keras.Model):
    """Base of models whose batches hold booleans or ids.

    Under a strategy Keras takes a batch's mean over the replicas to learn its shapes, which
    booleans do not have. One replica's part tells as much.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        if iterator is None or self._distribute_strategy is None:
            return super()._maybe_symbolic_build(iterator, data_batch)
        _, _, batches = next(iter(iterator))
        with self._distribute_strategy.scope():
            return self._symbolic_build(data_batch=first_replica(next(batches)))

    def _added_losses(self):
        """What layers and regularizers add to Keras' `compute_loss`, a replica's share of it."""
        return sum(ops.sum(ops.cast(loss, "float32")) for loss in self.losses) / num_replicas()
