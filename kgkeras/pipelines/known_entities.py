"""Which of the entities drawn for a query are answers that the graph knows."""

import numpy as np
import tensorflow as tf

from kgkeras.pipelines.pair_keys import pair_keys


class KnownEntities:
    """Tells in the graph which entities answer which queries.

    Where many queries share few drawn entities, the facts of the entities are looked up among the
    queries; where that would be more work, each pair of the two is looked up among the facts.

    Args:
        queries: int64 array `(n,)` of numbers in `[0, num_queries)`.
        entities: Integer array `(n,)`: an answer of each query.
        num_queries: Number of different queries.
        num_entities: Number of entities.

    Raises:
        ValueError: If there are so many that a pair has no 64-bit number.
    """

    def __init__(self, queries, entities, num_queries, num_entities):
        keys = pair_keys(queries, entities, num_queries, num_entities)
        self._sizes = np.int64(num_queries), np.int64(num_entities)
        # One key above all others, so that a search never points behind the end.
        self._keys = tf.convert_to_tensor(np.append(keys, np.iinfo("int64").max))
        queries, entities = np.divmod(keys, num_entities)
        self._keys_by_entity = tf.convert_to_tensor(np.sort(entities * num_queries + queries))
        self._facts_an_entity = len(keys) / num_entities

    def among(self, queries, entities):
        """Which entities of its chunk answer a query.

        Args:
            queries: int64 tensor `(chunks, rows)`.
            entities: Integer tensor `(chunks, n)`.

        Returns:
            bool tensor `(chunks, rows, n)`.
        """
        entities = tf.cast(entities, tf.int64)
        if queries.shape[1] < 2 * self._facts_an_entity:
            return self._by_pairs(queries, entities)
        num_queries = self._sizes[0]
        first = tf.reshape(entities, [-1]) * num_queries
        bounds = tf.searchsorted(
            self._keys_by_entity, tf.concat([first, first + num_queries], axis=0)
        )
        low, high = tf.split(tf.cast(bounds, tf.int64), 2)
        num_pairs = queries.shape.num_elements() * entities.shape[1]
        # A fact costs two searches, a pair one; and there are entities with very many facts.
        return tf.cond(
            2 * tf.reduce_sum(high - low) < num_pairs,
            lambda: self._by_facts(queries, entities, low, high),
            lambda: self._by_pairs(queries, entities),
        )

    def _by_facts(self, queries, entities, low, high):
        """Looks the facts of the entities, keys `low` to `high`, up among the queries."""
        (chunks, rows), n = queries.shape, entities.shape[1]
        # A query's number tells its chunk, so that all chunks are searched in one go.
        chunk = self._sizes[0] * np.arange(chunks)[:, None]
        asked = tf.reshape(queries + chunk, [-1])
        order = tf.argsort(asked)
        asked = tf.gather(asked, order)
        fact, slot = _ranges(low, high)
        shift = tf.reshape(chunk - entities * self._sizes[0], [-1])
        answered = tf.gather(self._keys_by_entity, fact) + tf.gather(shift, slot)
        found, which = _ranges(
            tf.cast(tf.searchsorted(asked, answered), tf.int64),
            tf.cast(tf.searchsorted(asked, answered, side="right"), tf.int64),
        )
        row = tf.cast(tf.gather(order, found), tf.int64)
        place = row * n + tf.gather(slot, which) % n
        known = tf.scatter_nd(
            place[:, None], tf.ones_like(place, tf.bool), np.array([chunks * rows * n])
        )
        return tf.reshape(known, [chunks, rows, n])

    def _by_pairs(self, queries, entities):
        """Looks each pair up among the facts."""
        pairs = queries[:, :, None] * self._sizes[1] + entities[:, None, :]
        flat = tf.reshape(pairs, [-1])
        known = tf.gather(self._keys, tf.searchsorted(self._keys, flat)) == flat
        return tf.reshape(known, pairs.shape)


def _ranges(low, high):
    """All numbers of the ranges `[low, high)`, and for each the place of its range."""
    ranges = tf.raw_ops.RaggedRange(starts=low, limits=high, deltas=np.int64(1))
    numbers, ends = ranges.rt_dense_values, ranges.rt_nested_splits[1:]
    # A number's place is how many ranges end before it: `tf.repeat` would pad all to the longest.
    ended = tf.scatter_nd(ends[:, None], tf.ones_like(ends), [tf.size(numbers, tf.int64) + 1])
    return numbers, tf.cumsum(ended)[:-1]
