"""One step of a Bellman-Ford iteration over vectors: what is known of pairs grows by one fact."""

import keras
import tensorflow as tf

from kgkeras.checks import one_of, positive_int
from kgkeras.registration import serializable


@serializable
class PathConv(keras.layers.Layer):
    """`h'_v = h_v + relu(norm(W [agg({h_u * w_r : (u, r, v)} and b_v) ; h_v] + c))`.

    `h_v` tells how an entity is related to the query's own, `b_v` is what was known before the
    first step, and `w_r` is a vector that the relation has for this query: a path is the product
    of its facts, the paths to an entity are aggregated, as in DistMult and Bellman-Ford. Where it
    depends on the query, `w_r` begins near 1: at first a path counts whatever its facts are.

    Messages of facts that share relation and tail are added up before they are multiplied, so
    `"sum"` and `"mean"` have a row for each such group, not for each fact; `"pna"` has one for each
    fact. All aggregates are taken in float32.

    Args:
        units: Length of the states.
        num_relations: Number of relations, the inverses included.
        aggregate: `"sum"`, `"mean"`, or `"pna"`: mean, largest, smallest and standard deviation,
            each also times and divided by the logarithm of the number of facts (Corso et al.,
            Principal neighbourhood aggregation, NeurIPS 2020).
        dependent: Whether `w_r` is a linear function of the query's vector; otherwise it is the
            same for all queries.

    Call arguments:
        states: Float tensor `(nodes, queries, units)`.
        boundary: Float tensor of the same shape.
        query: Float tensor `(queries, query_dim)`.
        groups: `RelationGroups` of the graph in blocks of one, by keyword. The last node is the
            spare one, which no fact leads to.

    Returns:
        Float tensor of the shape of `states`.

    XLA cannot compile this layer.

    Reference: Zhu et al., Neural Bellman-Ford networks, NeurIPS 2021.
    """

    def __init__(self, units, num_relations, aggregate="pna", dependent=True, **kwargs):
        super().__init__(**kwargs)
        self.units = positive_int("units", units)
        self.num_relations = positive_int("num_relations", num_relations)
        self.aggregate = one_of("aggregate", aggregate, ("sum", "mean", "pna"))
        self.dependent = bool(dependent)
        self.supports_jit = False
        # What comes from afar is small: a larger epsilon would drown it.
        self._norm = keras.layers.LayerNormalization(
            epsilon=1e-5, name="norm", dtype=self.dtype_policy
        )

    def build(self, states_shape, boundary_shape, query_shape):
        self.relations = self.add_weight(
            name="relations",
            shape=(self.num_relations, self.units),
            initializer="ones" if self.dependent else keras.initializers.RandomNormal(stddev=1.0),
        )
        self.query_kernel = None
        if self.dependent:
            self.query_kernel = self.add_weight(
                name="query_kernel", shape=(query_shape[-1], self.num_relations, self.units)
            )
        parts, scales = (4, 3) if self.aggregate == "pna" else (1, 1)
        self.kernel = self.add_weight(
            name="kernel", shape=(parts * self.units, scales * self.units)
        )
        self.self_kernel = self.add_weight(name="self_kernel", shape=(self.units, self.units))
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self._norm.build((None, self.units))

    def call(self, states, boundary, query, groups):
        shape = tf.shape(states)
        flat = tf.concat([shape[:1], [shape[1] * self.units]], 0)
        # (nodes, queries * units) from here on: rows as long as can be for gathering and summing.
        values = (
            tf.reshape(states, flat),
            tf.reshape(boundary, flat),
            self._relations(query, flat[1:]),
        )
        count = 1 + groups.sum_at_targets(groups.sizes(), groups.target)
        aggregate = _AGGREGATES[self.aggregate]
        aggregated = aggregate(*(tf.cast(value, "float32") for value in values), count, groups)
        rows = [-1, self.units]
        parts = tf.concat([tf.reshape(part, rows) for part in aggregated], -1)
        update = tf.matmul(tf.cast(parts, states.dtype), self.kernel)
        if self.aggregate == "pna":
            update = self._scaled(update, count, shape)
        update = update + tf.matmul(tf.reshape(states, rows), self.self_kernel) + self.bias
        return states + tf.reshape(tf.nn.relu(self._norm(update)), shape)

    def _relations(self, query, width):
        """The vectors `w_r` of all queries, `(num_relations, queries * units)`."""
        relations = tf.convert_to_tensor(self.relations)[:, tf.newaxis]
        if self.dependent:
            relations = relations + tf.einsum("bd,dru->rbu", query, self.query_kernel)
        else:
            relations = tf.repeat(relations, tf.shape(query)[0], axis=1)
        return tf.reshape(relations, tf.concat([[self.num_relations], width], 0))

    def _scaled(self, update, count, shape):
        """The sum of what PNA's scalers make of each third: `(nodes * queries, units)`."""
        # The spare node counts nothing, as no fact leads to it.
        logarithm = tf.math.log(count)
        scale = logarithm / tf.maximum(tf.reduce_mean(logarithm[:-1]), 1e-6)
        plain, amplified, attenuated = tf.split(update, 3, axis=-1)
        scale = tf.reshape(tf.repeat(tf.cast(scale, update.dtype), shape[1], axis=1), [-1, 1])
        return plain + amplified * scale + attenuated / tf.maximum(scale, 1e-2)

    def compute_output_shape(self, states_shape, boundary_shape=None, query_shape=None):
        return tuple(states_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "num_relations": self.num_relations,
            "aggregate": self.aggregate,
            "dependent": self.dependent,
        }


# Each aggregate of the messages `h_u * w_r` and `b_v`: a list of tensors `(nodes, width)`.


def _sum(states, boundary, relations, count, groups):
    del count
    vectors = tf.expand_dims(tf.gather(relations, groups.relation), 1)
    return [groups.sum_at_targets(groups.sums(states) * vectors, groups.target) + boundary]


def _mean(states, boundary, relations, count, groups):
    (total,) = _sum(states, boundary, relations, count, groups)
    return [total / count]


def _principal(states, boundary, relations, count, groups):
    (mean,) = _mean(states, boundary, relations, count, groups)
    (squares,) = _mean(states**2, boundary**2, relations**2, count, groups)
    deviation = tf.sqrt(tf.maximum(squares - mean**2, 1e-6))
    vectors = tf.expand_dims(tf.gather(relations, groups.relation), 1)
    # The largest product with a negative factor is that of the smallest state.
    largest, smallest = groups.largest(states), -groups.largest(-states)
    upper = vectors * tf.where(vectors > 0, largest, smallest)
    lower = vectors * tf.where(vectors > 0, smallest, largest)
    upper = tf.maximum(groups.largest_at_targets(upper), boundary)
    lower = tf.minimum(-groups.largest_at_targets(-lower), boundary)
    return [mean, upper, lower, deviation]


_AGGREGATES = {"sum": _sum, "mean": _mean, "pna": _principal}
