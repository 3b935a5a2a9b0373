"""The nodes of a graph as one vector."""

import keras
import tensorflow as tf

from kgkeras.checks import one_of, positive_int
from kgkeras.graph.bridge import tensorflow_gnn
from kgkeras.graph.schema import ENTITY
from kgkeras.registration import serializable


@serializable
class NeighbourhoodPooling(keras.layers.Layer):
    """Pools the states of a graph's nodes to one context vector.

    Args:
        pooling: "mean", "sum", "max", or "attention" for `sum_i a_i h_i` with weights
            `a = softmax_i(w . h_i)` and a trainable vector `w`.
        units: Where given, states go through a linear layer of this size first.

    Call arguments:
        nodes: Float tensor `(nodes, dim)`, or `(batch, nodes, dim)` for a padded batch of graphs.
        mask: Optional boolean tensor, the shape of `nodes` without its last axis: True at nodes,
            False at padding. All are nodes where omitted.

    Returns:
        Float tensor `(units,)` or `(batch, units)`, with `dim` for `units` where these are not
        given; zeros for a graph without nodes.

    Raises:
        ValueError: If the shapes do not fit together.
    """

    def __init__(self, pooling="mean", units=None, **kwargs):
        super().__init__(**kwargs)
        choices = ("mean", "sum", "max", "attention")
        self.pooling = one_of("pooling", pooling, choices)
        self.units = None if units is None else positive_int("units", units)

    def build(self, nodes_shape):
        self._check_shapes(nodes_shape)
        dim = nodes_shape[-1]
        self.projection = None
        if self.units is not None:
            self.projection = keras.layers.Dense(
                self.units, name="projection", dtype=self.dtype_policy
            )
            self.projection.build((None, dim))
        if self.pooling == "attention":
            self.query = self.add_weight(
                name="query", shape=(self.units or dim, 1), initializer="glorot_uniform"
            )

    def call(self, nodes, mask=None):
        self._check_shapes(nodes.shape, None if mask is None else mask.shape)
        if mask is None:
            mask = tf.ones(tf.shape(nodes)[:-1], "bool")
        states = nodes if self.projection is None else self.projection(nodes)
        dim, batched = states.shape[-1], len(nodes.shape) == 3
        # (graphs, nodes of each, ...) -> (all nodes, ...)
        graph = _graph_of(tf.shape(nodes if batched else nodes[tf.newaxis])[:2])
        real = tf.reshape(mask, [-1, 1])
        flat = tf.reshape(states, [-1, dim])
        pooled = self._pooled(graph, tf.where(real, flat, tf.zeros((), flat.dtype)), real)
        return pooled if batched else pooled[0]

    def _pooled(self, graph, states, real):
        """The graphs' vectors `(graphs, dim)` of the states `(all nodes, dim)`."""
        number = _pool(graph, "sum", tf.cast(real, "float32"))
        if self.pooling == "max":
            lowest = tf.constant(states.dtype.min, states.dtype)
            highest = _pool(graph, "max_no_inf", tf.where(real, states, lowest))
            return tf.where(number > 0, highest, tf.zeros((), states.dtype))
        if self.pooling == "attention":
            logits = tf.cast(tf.matmul(states, self.query), "float32")
            weights = _softmax(graph, tf.where(real, logits, -1e30))
            states = states * tf.cast(tf.where(real, weights, 0.0), states.dtype)
        total = _pool(graph, "sum", tf.cast(states, "float32"))
        if self.pooling == "mean":
            total = total / tf.maximum(number, 1.0)
        return tf.cast(total, states.dtype)

    def compute_output_shape(self, nodes_shape):
        self._check_shapes(nodes_shape)
        return (*nodes_shape[:-2], self.units or nodes_shape[-1])

    def compute_output_spec(self, nodes, mask=None):
        self._check_shapes(nodes.shape, None if mask is None else mask.shape)
        return keras.KerasTensor(self.compute_output_shape(nodes.shape), dtype=self.compute_dtype)

    def _check_shapes(self, nodes_shape, mask_shape=None):
        rank = len(nodes_shape)
        wrong_mask = mask_shape is not None and len(mask_shape) != rank - 1
        if rank not in (2, 3) or nodes_shape[-1] is None or wrong_mask:
            raise ValueError(
                "NeighbourhoodPooling needs nodes `(nodes, dim)` or `(batch, nodes, dim)` of a "
                "known `dim` and a mask of the same shape without the last axis. Received: nodes "
                f"{tuple(nodes_shape)}, mask {None if mask_shape is None else tuple(mask_shape)}."
            )

    def get_config(self):
        return {**super().get_config(), "pooling": self.pooling, "units": self.units}


def _graph_of(shape):
    """A `GraphTensor` of `shape[0]` components with `shape[1]` nodes each."""
    tfgnn = tensorflow_gnn()
    sizes = tf.fill(shape[:1], shape[1])
    return tfgnn.GraphTensor.from_pieces(
        node_sets={ENTITY: tfgnn.NodeSet.from_fields(sizes=sizes, features={})}
    )


def _pool(graph, reduce_type, values):
    return tensorflow_gnn().pool_nodes_to_context(graph, ENTITY, reduce_type, feature_value=values)


def _softmax(graph, values):
    tfgnn = tensorflow_gnn()
    return tfgnn.softmax(graph, tfgnn.CONTEXT, node_set_name=ENTITY, feature_value=values)
