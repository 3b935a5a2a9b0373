"""A set of triples that a TensorFlow graph can ask."""

import numpy as np
import tensorflow as tf


class KnownTriples:
    """Tells in the graph which triples are known: a binary search over sorted 64-bit keys.

    Args:
        triples: Integer array `(n, 3)`: head, relation, tail.
        num_entities: Number of entities.
        num_relations: Number of relations.

    Raises:
        ValueError: If there are so many entities and relations that a triple has no 64-bit key.
    """

    def __init__(self, triples, num_entities, num_relations):
        if num_entities**2 * num_relations >= 2**63:
            raise ValueError(
                "A triple's number must fit in 64 bits. "
                f"Received: {num_entities} entities, {num_relations} relations."
            )
        self._sizes = (num_entities, num_relations)
        head, relation, tail = np.asarray(triples, dtype="int64").reshape(-1, 3).T
        keys = np.unique(self._key(head, relation, tail))
        # One key above all others, so that a search never points behind the end.
        self._keys = tf.constant(np.append(keys, np.iinfo("int64").max))

    def contains(self, head, relation, tail):
        """Boolean tensor of the broadcast shape of the three integer tensors."""
        key = self._key(*(tf.cast(ids, tf.int64) for ids in (head, relation, tail)))
        flat = tf.reshape(key, [-1])
        found = tf.gather(self._keys, tf.searchsorted(self._keys, flat)) == flat
        return tf.reshape(found, tf.shape(key))

    def _key(self, head, relation, tail):
        num_entities, num_relations = self._sizes
        return (head * num_relations + relation) * num_entities + tail
