"""How many facts connect the entities of one set with those of another: evidence by counting."""

import keras
import tensorflow as tf

from kgkeras.checks import describe
from kgkeras.graph.fact_index import FactIndex
from kgkeras.registration import serializable


@serializable
class FactCounts(keras.layers.Layer):
    """Counts, for each row, the walks of one and of two facts from one set of entities to another.

    Graph networks that rank answers to questions do little more than count such walks by their
    relations, so a linear layer behind this is the baseline that they have to beat, and evidence
    for a text model.

    Args:
        index: `graph.FactIndex`, as a rule of `graph.with_inverses()`, so that walks may go either
            way along a fact.

    Call arguments:
        first: Integer tensor `(batch, m)` of ids, negative for none; repeated ones count once.
        second: Integer tensor `(batch, n)`.

    Returns:
        Float tensor `(batch, 3 * num_relations)`: `log(1 + count)` of the facts from an entity of
        `first` to one of `second`, by their relation; of the walks of two facts, by the relation of
        the fact that leaves `first`; and of the same walks, by the relation of the fact that leaves
        `second` in the opposite direction.

    Raises:
        ValueError: If `index` is no `FactIndex`.

    Reference: Wang et al., GNN is a Counter? Revisiting GNN for Question Answering, ICLR 2022.
    """

    def __init__(self, index, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(index, FactIndex):
            raise ValueError(f"`index` must be a graph.FactIndex. {describe(index)}.")
        self.index = index
        self.supports_jit = False  # How many facts are found depends on the entities.
        self.built = True

    def call(self, first, second):
        shape = [tf.shape(first)[0], self.index.num_relations]
        starts, ends = self._keys(first), self._keys(second)
        from_first, relation = self._steps(starts)
        from_second, back = self._steps(ends)
        # Two sorted lists of "row, entity reached" hold every walk where they agree.
        counts = [
            self._by_relation(_occurrences(from_first, ends), from_first, relation, shape),
            self._by_relation(_occurrences(from_first, from_second), from_first, relation, shape),
            self._by_relation(_occurrences(from_second, from_first), from_second, back, shape),
        ]
        # A float16 counts to 65504 only, its logarithm goes on.
        counts = tf.cast(tf.concat(counts, axis=1), tf.float32)
        return tf.cast(tf.math.log1p(counts), self.compute_dtype)

    def _keys(self, ids):
        """The distinct `row * num_entities + entity` of a set, int64."""
        ids = tf.cast(ids, tf.int64)
        rows = tf.range(tf.shape(ids, out_type=tf.int64)[0])[:, tf.newaxis]
        keys = tf.boolean_mask(rows * self.index.num_entities + ids, ids >= 0)
        return tf.unique(keys).y

    def _steps(self, keys):
        """All facts that begin at the entities of `keys`: the keys of their tails, relations."""
        entities = tf.cast(keys % self.index.num_entities, tf.int32)
        owner, _, relation, tail = self.index(entities)
        rows = tf.gather(keys // self.index.num_entities, owner)
        return rows * self.index.num_entities + tf.cast(tail, tf.int64), relation

    def _by_relation(self, counts, keys, relation, shape):
        """Sums `counts` by the row of `keys` and by `relation`: `(batch, num_relations)`."""
        rows = tf.cast(keys // self.index.num_entities, tf.int32)
        places = rows * self.index.num_relations + relation
        return tf.reshape(tf.math.unsorted_segment_sum(counts, places, shape[0] * shape[1]), shape)

    def compute_output_shape(self, first_shape, second_shape):
        return (first_shape[0], 3 * self.index.num_relations)

    def compute_output_spec(self, first, second):
        shape = self.compute_output_shape(first.shape, second.shape)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "index": keras.saving.serialize_keras_object(self.index)}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["index"] = keras.saving.deserialize_keras_object(config["index"])
        return cls(**config)


def _occurrences(keys, among):
    """How often each of `keys` stands in `among`: int32 of the shape of `keys`."""
    ordered = tf.sort(among)
    return tf.searchsorted(ordered, keys, "right") - tf.searchsorted(ordered, keys, "left")
