"""Numbers the distinct values of each row of a batch in the order in which they come."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class RowNumbering:
    """What has been numbered: all rows side by side.

    Args:
        keys: int64 tensor `(n,)` of the distinct `row * num_values + value`, in their order.
        numbers: int32 tensor `(n,)`: the number that a key has in its row, from 0.
        counts: int32 tensor `(rows,)`: how many each row has.
        num_values: Values lie in `[0, num_values)`.
    """

    keys: tf.Tensor
    numbers: tf.Tensor
    counts: tf.Tensor
    num_values: int

    @classmethod
    def empty(cls, num_rows, num_values):
        """Nothing numbered yet."""
        none = tf.zeros([0], tf.int32)
        return cls(tf.cast(none, tf.int64), none, tf.zeros([num_rows], tf.int32), num_values)

    def add(self, rows, values):
        """Numbers those values that are new in their rows.

        Args:
            rows: int32 tensor `(m,)`, ascending.
            values: int32 tensor `(m,)`.

        Returns:
            The numbering with them, the number `(m,)` of each, and where in `(m,)` a new one comes
            for the first time: int32 tensor `(new,)`, ascending.
        """
        known = tf.size(self.keys)
        keys = tf.cast(rows, tf.int64) * self.num_values + tf.cast(values, tf.int64)
        # Distinct keys come in the order in which they are first seen.
        keys, place = tf.unique(tf.concat([self.keys, keys], axis=0))
        place, num_new = place[known:], tf.size(keys) - known
        first = tf.math.unsorted_segment_min(tf.range(tf.size(place)), place - known, num_new)
        new_rows = tf.gather(rows, first)
        added = tf.math.bincount(new_rows, minlength=tf.size(self.counts), dtype=tf.int32)
        before = self.counts - tf.cumsum(added, exclusive=True)
        numbers = tf.range(num_new) + tf.gather(before, new_rows)
        numbers = tf.concat([self.numbers, numbers], axis=0)
        counts = self.counts + added
        after = RowNumbering(keys, numbers, counts, self.num_values)
        return after, tf.gather(numbers, place), first
