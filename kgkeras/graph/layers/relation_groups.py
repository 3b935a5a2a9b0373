"""The edges of a graph in groups of one relation and one target."""

import numpy as np
import tensorflow as tf

from kgkeras.graph.bridge import tensorflow_gnn
from kgkeras.graph.schema import ENTITY

GROUPS = "group"
# Rows of a batched product with one relation's matrix. Measured: smaller blocks multiply slower,
# larger ones have more empty rows.
BLOCK = 64


class RelationGroups:
    """Sums over the edges that share relation and target, for messages linear in the source.

    Whatever a relation does to its messages is then done once a group instead of once an edge
    (FB15k-237 has 3.6 edges a group), and no tensor has a row of states for each edge. Groups lie
    in blocks of one relation each; the last block of a relation may have empty rows. Padding
    edges are in no group.

    The number of groups depends on the edges, so XLA cannot compile this. Edges that come sorted
    by relation, then target, are not sorted again.

    Args:
        graph: A `FlatGraph` with relations.
        num_relations: Number of relations.

    Attributes:
        relation: Integer tensor `(blocks,)`: the relation of each block.
        target: Integer tensor `(blocks, BLOCK)`: the target of each group; the graph's spare node
            at empty rows.

    Raises:
        ValueError: In eager execution, if a relation does not exist. In a TensorFlow graph on the
            CPU, the operations report it.
    """

    def __init__(self, graph, num_relations):
        if tf.executing_eagerly():
            _check_relations(graph, num_relations)
        self._num_nodes = graph.num_nodes + 1
        order, key = _sorted_edges(graph, self._num_nodes)
        self._source = tf.gather(graph.source, order)
        relation = tf.gather(graph.relation, order)
        starts = tf.concat([tf.ones_like(key[:1], "bool"), key[1:] != key[:-1]], 0)
        starts = tf.cast(starts, "int32")
        groups = tf.math.unsorted_segment_sum(starts, relation, num_relations)
        blocks = -(-groups // BLOCK)
        # Rows that the relations before this one leave empty.
        skipped = tf.cumsum(blocks * BLOCK - groups, exclusive=True)
        self._row = tf.cumsum(starts) - 1 + tf.gather(skipped, relation)
        self.relation = tf.repeat(tf.range(num_relations), blocks)
        self._num_blocks = tf.reduce_sum(blocks)
        target = tf.math.unsorted_segment_max(
            tf.gather(graph.target, order), self._row, self._num_blocks * BLOCK
        )
        target = tf.where(target < 0, graph.num_nodes, target)
        self.target = tf.reshape(target, [-1, BLOCK])

    def sums(self, values):
        """Sums of the sources' values, taken in float32.

        TF-GNN's broadcast from the sources and pool in one pass, without a row for each edge.

        Args:
            values: Float tensor `(all nodes + 1, dim)`.

        Returns:
            Float tensor `(blocks, BLOCK, dim)`; zeros at empty rows.
        """
        total = _segment_sum(
            tf.cast(values, "float32"), self._source, self._row, self._num_blocks * BLOCK
        )
        return tf.reshape(tf.cast(total, values.dtype), [self._num_blocks, BLOCK, values.shape[-1]])

    def sizes(self):
        """Number of edges of each group: float32 tensor `(blocks, BLOCK, 1)`."""
        ones = tf.ones_like(self._row, "float32")
        sizes = tf.math.unsorted_segment_sum(ones, self._row, self._num_blocks * BLOCK)
        return tf.reshape(sizes, [self._num_blocks, BLOCK, 1])

    def sum_at_targets(self, values, target):
        """Sums of the groups' values at their targets, taken in float32.

        Args:
            values: Float tensor `(blocks, BLOCK, dim)`.
            target: `self.target`, or the part of it that belongs to some of the blocks.

        Returns:
            Float tensor `(all nodes + 1, dim)`.
        """
        tfgnn = tensorflow_gnn()
        target = tf.reshape(target, [-1])
        rows = tf.range(tf.size(target))
        graph = tfgnn.GraphTensor.from_pieces(
            node_sets={
                ENTITY: tfgnn.NodeSet.from_fields(sizes=[self._num_nodes], features={}),
                GROUPS: tfgnn.NodeSet.from_fields(sizes=tf.shape(rows), features={}),
            },
            edge_sets={
                "message": tfgnn.EdgeSet.from_fields(
                    sizes=tf.shape(rows),
                    features={},
                    adjacency=tfgnn.Adjacency.from_indices((GROUPS, rows), (ENTITY, target)),
                )
            },
        )
        messages = tf.cast(tf.reshape(values, [-1, values.shape[-1]]), "float32")
        total = tfgnn.pool_edges_to_node(
            graph, "message", tfgnn.TARGET, "sum", feature_value=messages
        )
        return tf.cast(total, values.dtype)


def _sorted_edges(graph, num_nodes):
    """The real edges' positions in the order of their keys, and the keys in this order."""
    key = tf.cast(graph.relation, "int64") * tf.cast(num_nodes, "int64")
    key = key + tf.cast(graph.target, "int64")
    key = tf.where(graph.real, key, key.dtype.max)
    order = tf.cond(
        tf.reduce_all(key[1:] >= key[:-1]),
        lambda: tf.range(tf.size(key)),
        lambda: tf.argsort(key, stable=True),
    )
    order = order[: tf.math.count_nonzero(graph.real, dtype="int32")]
    return order, tf.gather(key, order)


@tf.custom_gradient
def _segment_sum(values, source, row, num_rows):
    """`tf.sparse.segment_sum` with a dense gradient, which is faster than its own sparse one."""
    num_values = tf.shape(values)[0]

    def gradient(upstream):
        dense = tf.raw_ops.SparseSegmentSumGrad(
            grad=upstream, indices=source, segment_ids=row, output_dim0=num_values
        )
        # Without edges the operation does not write its output at all.
        return tf.where(tf.size(source) > 0, dense, tf.zeros((), dense.dtype)), None, None, None

    return tf.sparse.segment_sum(values, source, row, num_segments=num_rows), gradient


def _check_relations(graph, num_relations):
    relation = graph.relation.numpy()
    wrong = np.flatnonzero((relation < 0) | (relation >= num_relations))
    if len(wrong):
        raise ValueError(
            f"The `relation` of an edge must be one of {num_relations}. "
            f"Received: {int(relation[wrong[0]])} at edge {int(wrong[0])}."
        )
