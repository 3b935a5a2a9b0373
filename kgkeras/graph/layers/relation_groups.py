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
        block: Groups of a block; 1 leaves no empty rows.

    Attributes:
        relation: Integer tensor `(blocks,)`: the relation of each block.
        target: Integer tensor `(blocks, block)`: the target of each group; the graph's spare node
            at empty rows.

    Raises:
        ValueError: In eager execution, if a relation does not exist. In a TensorFlow graph on the
            CPU, the operations report it.
    """

    def __init__(self, graph, num_relations, block=BLOCK):
        if tf.executing_eagerly():
            check_relations(graph, num_relations)
        self._num_nodes, self._block = graph.num_nodes + 1, block
        order, key = _sorted_edges(graph, self._num_nodes)
        self._source = tf.gather(graph.source, order)
        relation = tf.gather(graph.relation, order)
        starts = tf.concat([tf.ones_like(key[:1], "bool"), key[1:] != key[:-1]], 0)
        starts = tf.cast(starts, "int32")
        groups = tf.math.unsorted_segment_sum(starts, relation, num_relations)
        blocks = -(-groups // block)
        # Rows that the relations before this one leave empty.
        skipped = tf.cumsum(blocks * block - groups, exclusive=True)
        self._row = tf.cumsum(starts) - 1 + tf.gather(skipped, relation)
        self.relation = tf.repeat(tf.range(num_relations), blocks)
        self._num_blocks = tf.reduce_sum(blocks)
        target = tf.math.unsorted_segment_max(
            tf.gather(graph.target, order), self._row, self._num_blocks * block
        )
        target = tf.where(target < 0, graph.num_nodes, target)
        self.target = tf.reshape(target, [-1, block])

    def sums(self, values):
        """Sums of the sources' values, in float32.

        TF-GNN's broadcast from the sources and pool in one pass, without a row for each edge.

        Args:
            values: Float tensor `(all nodes + 1, dim)`.

        Returns:
            Float32 tensor `(blocks, block, dim)`; zeros at empty rows.
        """
        total = _segment_sum(
            tf.cast(values, "float32"), self._source, self._row, self._num_blocks * self._block
        )
        return tf.reshape(total, [self._num_blocks, self._block, tf.shape(values)[-1]])

    def largest(self, values):
        """The largest of the sources' values, element by element; as `sums` otherwise.

        It has a row for each edge in between.
        """
        rows = self._num_blocks * self._block
        largest = tf.math.unsorted_segment_max(tf.gather(values, self._source), self._row, rows)
        return tf.reshape(largest, [self._num_blocks, self._block, tf.shape(values)[-1]])

    def largest_at_targets(self, values):
        """The largest of the groups' values at their targets; as `sum_at_targets` otherwise."""
        return self._pool("max", values, self.target)

    def sizes(self):
        """Number of edges of each group: float32 tensor `(blocks, block, 1)`."""
        ones = tf.ones_like(self._row, "float32")
        sizes = tf.math.unsorted_segment_sum(ones, self._row, self._num_blocks * self._block)
        return tf.reshape(sizes, [self._num_blocks, self._block, 1])

    def sum_at_targets(self, values, target):
        """Sums of the groups' values at their targets, in float32.

        Args:
            values: Float tensor `(blocks, block, dim)`.
            target: `self.target`, or the part of it that belongs to some of the blocks.

        Returns:
            Float32 tensor `(all nodes + 1, dim)`.
        """
        return self._pool("sum", values, target)

    def _pool(self, reduction, values, target):
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
        width = tf.shape(values)[-1]
        messages = tf.cast(tf.reshape(values, [-1, width]), "float32")
        return tfgnn.pool_edges_to_node(
            graph, "message", tfgnn.TARGET, reduction, feature_value=messages
        )


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
        # Without edges the operation does not write its output at all.
        dense = tf.cond(
            tf.size(source) > 0,
            lambda: tf.raw_ops.SparseSegmentSumGrad(
                grad=upstream, indices=source, segment_ids=row, output_dim0=num_values
            ),
            lambda: tf.zeros([num_values, tf.shape(upstream)[-1]], upstream.dtype),
        )
        return dense, None, None, None

    return tf.sparse.segment_sum(values, source, row, num_segments=num_rows), gradient


def check_relations(graph, num_relations):
    """Raises a `ValueError`, in eager execution, if an edge's relation does not exist."""
    relation = graph.relation.numpy()
    wrong = np.flatnonzero((relation < 0) | (relation >= num_relations))
    if len(wrong):
        raise ValueError(
            f"The `relation` of an edge must be one of {num_relations}. "
            f"Received: {int(relation[wrong[0]])} at edge {int(wrong[0])}."
        )
