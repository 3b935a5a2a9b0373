"""The walks of the past, to learn from again."""

import keras
import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.registration import serializable


@serializable
class Replay(keras.layers.Layer):
    """Keeps the newest rows of ids, and a reward each; it is saved, but not trained.

    Args:
        capacity: Number of rows.
        width: Ids a row.
    """

    def __init__(self, capacity, width, **kwargs):
        super().__init__(**kwargs)
        self.capacity = positive_int("capacity", capacity)
        self.width = positive_int("width", width)
        # Replicas remember what the first of them has done.
        common = {"trainable": False, "initializer": "zeros", "aggregation": "only_first_replica"}
        self.rows = self.add_weight(name="rows", shape=(capacity, width), dtype="int32", **common)
        self.rewards = self.add_weight(
            name="rewards", shape=(capacity,), dtype="float32", autocast=False, **common
        )
        self.added = self.add_weight(name="added", shape=(), dtype="int64", **common)
        self.built = True

    def push(self, rows, rewards):
        """Adds rows `(n, width)` and their rewards `(n,)`; the oldest ones make room."""
        rows, rewards = rows[-self.capacity :], rewards[-self.capacity :]
        added = tf.convert_to_tensor(self.added)
        number = tf.cast(tf.shape(rows)[0], tf.int64)
        places = ((added + tf.range(number)) % self.capacity)[:, None]
        for kept, new in ((self.rows, rows), (self.rewards, rewards)):
            kept.assign(tf.tensor_scatter_nd_update(tf.convert_to_tensor(kept), places, new))
        self.added.assign(added + number)

    def sample(self, number, seed):
        """So many rows and their rewards, drawn alike; zeros where nothing has been added."""
        filled = tf.minimum(tf.convert_to_tensor(self.added), self.capacity)
        uniform = keras.random.uniform((number,), seed=seed)
        places = tf.cast(uniform * tf.cast(filled, tf.float32), tf.int64)
        places = tf.clip_by_value(places, 0, tf.maximum(filled - 1, 0))
        return tuple(
            tf.gather(tf.convert_to_tensor(kept), places) for kept in (self.rows, self.rewards)
        )

    def get_config(self):
        return {**super().get_config(), "capacity": self.capacity, "width": self.width}
