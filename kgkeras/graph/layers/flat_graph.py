"""One graph, or a padded batch of graphs, as one `tfgnn.GraphTensor`."""

import numpy as np
import tensorflow as tf

from kgkeras.graph.bridge import tensorflow_gnn
from kgkeras.graph.schema import ENTITY, FACT


class FlatGraph:
    """The graphs of a batch side by side, with one node to spare.

    Edges that are padding run from the spare node to itself, so shapes stay static and no real
    node hears of them. The states of the spare node are zeros.

    Args:
        nodes: Float tensor `(nodes, dim)` or `(batch, nodes, dim)`.
        edges: Dict of integer tensors `source`, `target` and maybe `relation`, each `(edges,)` or
            `(batch, edges)`. A negative `source` means "no edge here".

    Attributes:
        num_nodes: Number of nodes of all graphs together, without the spare one.
        real: Boolean tensor `(all edges,)`: False at padding.
        source: Integer tensor `(all edges,)`: where messages come from.
        target: Integer tensor `(all edges,)`: where messages go.
        relation: Integer tensor `(all edges,)`, 0 at padding, or None.

    Raises:
        ValueError: In eager execution, if an edge leads to a node that does not exist. In a
            TensorFlow graph on the CPU, the operations on edges report it.
    """

    def __init__(self, nodes, edges):
        self.shape = tf.shape(nodes)
        self._static_shape = nodes.shape
        self.num_nodes = tf.reduce_prod(self.shape[:-1])
        source, target = (tf.cast(edges[end], "int32") for end in ("source", "target"))
        self._edge_shape, self._static_edge_shape = tf.shape(source), source.shape
        real = source >= 0
        if tf.executing_eagerly():
            _check_ends(source, target, nodes.shape[-2])
        self.source = tf.reshape(self._flat_ids(source, real), [-1])
        self.target = tf.reshape(self._flat_ids(target, real), [-1])
        self.real = tf.reshape(real, [-1])
        self.relation = None
        if "relation" in edges:
            relation = tf.reshape(tf.cast(edges["relation"], "int32"), [-1])
            self.relation = tf.where(self.real, relation, 0)
        self._graph = self._graph_tensor()

    def _flat_ids(self, ids, real):
        size = self.shape[-2]
        # An id that no node of its graph has must not name a node of the next graph.
        ids = tf.where((ids >= 0) & (ids < size), ids, self.num_nodes + 1)
        if ids.shape.rank == 2:
            first = tf.range(self.shape[0])[:, tf.newaxis] * size
            ids = tf.where(ids < size, ids + first, ids)
        return tf.where(real, ids, self.num_nodes)

    def _graph_tensor(self):
        tfgnn = tensorflow_gnn()
        return tfgnn.GraphTensor.from_pieces(
            node_sets={ENTITY: tfgnn.NodeSet.from_fields(sizes=[self.num_nodes + 1], features={})},
            edge_sets={
                FACT: tfgnn.EdgeSet.from_fields(
                    sizes=tf.shape(self.source),
                    features={},
                    adjacency=tfgnn.Adjacency.from_indices(
                        (ENTITY, self.source), (ENTITY, self.target)
                    ),
                )
            },
        )

    def with_spare(self, nodes):
        """Values of nodes `(nodes, ...)` or `(batch, nodes, ...)` as `(all nodes + 1, ...)`."""
        rank = self._static_shape.rank - 1
        values = tf.reshape(nodes, tf.concat([[self.num_nodes], tf.shape(nodes)[rank:]], 0))
        values = tf.ensure_shape(values, [None, *nodes.shape[rank:]])
        return tf.pad(values, [[0, 1]] + [[0, 0]] * (values.shape.rank - 1))

    def without_spare(self, values):
        """The inverse of `with_spare`."""
        values = values[: self.num_nodes]
        shaped = tf.reshape(values, tf.concat([self.shape[:-1], tf.shape(values)[1:]], 0))
        return tf.ensure_shape(shaped, [*self._static_shape[:-1], *values.shape[1:]])

    def as_edges(self, values):
        """Values of edges `(all edges, ...)` as `(edges, ...)` or `(batch, edges, ...)`."""
        shaped = tf.reshape(values, tf.concat([self._edge_shape, tf.shape(values)[1:]], 0))
        return tf.ensure_shape(shaped, [*self._static_edge_shape, *values.shape[1:]])

    def from_sources(self, values):
        """Each edge's value at its source: `(all edges, ...)` of `(all nodes + 1, ...)`."""
        tfgnn = tensorflow_gnn()
        return tfgnn.broadcast_node_to_edges(self._graph, FACT, tfgnn.SOURCE, feature_value=values)

    def from_targets(self, values):
        """Each edge's value at its target: `(all edges, ...)` of `(all nodes + 1, ...)`."""
        tfgnn = tensorflow_gnn()
        return tfgnn.broadcast_node_to_edges(self._graph, FACT, tfgnn.TARGET, feature_value=values)

    def sum_at_targets(self, values):
        """Sums of edges' values at their targets, `(all nodes + 1, ...)`, in float32."""
        tfgnn = tensorflow_gnn()
        return self._sum(values, tfgnn.TARGET)

    def sum_at_sources(self, values):
        """Sums of edges' values at their sources, `(all nodes + 1, ...)`, in float32."""
        tfgnn = tensorflow_gnn()
        return self._sum(values, tfgnn.SOURCE)

    def _sum(self, values, tag):
        # Half-precision sums stop growing at a few hundred terms, or are infinite at many.
        return tensorflow_gnn().pool_edges_to_node(
            self._graph, FACT, tag, "sum", feature_value=tf.cast(values, "float32")
        )

    def softmax_at_targets(self, logits):
        """Softmax over the edges that share a target; both `(all edges, ...)`."""
        tfgnn = tensorflow_gnn()
        return tfgnn.softmax(self._graph, tfgnn.TARGET, edge_set_name=FACT, feature_value=logits)

    def edge_scales(self, normalization, self_loops=False):
        """The factors of `1 / c` that belong to an edge's source and to its target.

        Args:
            normalization: "symmetric" for `c = sqrt(outgoing(source) * incoming(target))`, "row"
                for `c = incoming(target)`, None for 1.
            self_loops: Whether each node has one more edge, to itself.

        Returns:
            Pair of float32 tensors `(all nodes + 1, 1)`; None stands for ones.
        """
        if normalization is None:
            return None, None
        loops = 1.0 if self_loops else 0.0
        one_each = tf.cast(self.real, "float32")[:, tf.newaxis]
        incoming = tf.maximum(self.sum_at_targets(one_each) + loops, 1.0)
        if normalization == "row":
            return None, 1.0 / incoming
        outgoing = tf.maximum(self.sum_at_sources(one_each) + loops, 1.0)
        return tf.math.rsqrt(outgoing), tf.math.rsqrt(incoming)


def scaled(values, factor):
    """`values` times `factor`, in the dtype of `values`; None stands for 1."""
    return values if factor is None else values * tf.cast(factor, values.dtype)


def _check_ends(source, target, num_nodes):
    real = source.numpy() >= 0
    for end, ids in (("source", source.numpy()), ("target", target.numpy())):
        wrong = np.argwhere(real & ((ids < 0) | (ids >= num_nodes)))
        if len(wrong):
            position = tuple(int(i) for i in wrong[0])
            raise ValueError(
                f"The `{end}` of an edge must be one of the {num_nodes} nodes of its graph. "
                f"Received: {int(ids[position])} at position {position}."
            )
