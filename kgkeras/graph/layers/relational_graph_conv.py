"""The graph convolution with a matrix for each relation (R-GCN)."""

import tensorflow as tf

from kgkeras.checks import describe, positive_int
from kgkeras.graph.layers.message_passing import MessagePassing
from kgkeras.graph.layers.relation_groups import RelationGroups
from kgkeras.ops import lookup
from kgkeras.registration import serializable


@serializable
class RelationalGraphConv(MessagePassing):
    """`h'_i = activation(W_0 h_i + sum_r 1/c_ir sum_j W_r h_j + b)`.

    The inner sum is over the edges of relation `r` from `j` to `i`; `c_ir` is their number. The
    matrices are

    - free, where neither `num_bases` nor `num_blocks` is given;
    - `W_r = sum_b a_rb V_b` with `num_bases` matrices `V_b` that all relations share;
    - block-diagonal with `num_blocks` blocks.

    Args:
        units: Length of the new states.
        num_relations: Number of relations.
        num_bases: Number of basis matrices.
        num_blocks: Number of blocks; divides `units` and the length of the states.
        **kwargs: As in `MessagePassing`: activation, dropout, residual, layer norm.

    Call arguments: `(nodes, edges)`; see `MessagePassing`. XLA cannot compile this layer; edges
    sorted by relation, then target, save it the sorting.

    Reference: Schlichtkrull et al., Modeling relational data with graph convolutional networks,
    ESWC 2018.
    """

    def __init__(self, units, num_relations, num_bases=None, num_blocks=None, **kwargs):
        super().__init__(units, **kwargs)
        self.num_relations = positive_int("num_relations", num_relations)
        if num_bases is not None and num_blocks is not None:
            raise ValueError(
                "Only one of `num_bases` and `num_blocks` can be given. "
                f"Received: num_bases={num_bases!r}, num_blocks={num_blocks!r}."
            )
        self.num_bases = None if num_bases is None else positive_int("num_bases", num_bases)
        self.num_blocks = None if num_blocks is None else positive_int("num_blocks", num_blocks)
        if self.units % (self.num_blocks or 1):
            raise ValueError(f"`num_blocks` must divide `units`, {units}. {describe(num_blocks)}.")
        self.supports_jit = False

    def build_weights(self, dim):
        blocks = self.num_blocks or 1
        if dim % blocks:
            raise ValueError(
                f"`num_blocks` must divide the length of the states, {dim}. {describe(blocks)}."
            )
        self.self_kernel = self.add_kernel("self_kernel", dim, self.units)
        # The relations' matrices: (relations, blocks on the diagonal, dim / blocks, units / blocks)
        self._kernel_shape = (blocks, dim // blocks, self.units // blocks)
        if self.num_bases is None:
            self.kernels = self.add_kernel("kernels", self.num_relations, *self._kernel_shape)
        else:
            self.bases = self.add_kernel("bases", self.num_bases, *self._kernel_shape)
            self.coefficients = self.add_kernel("coefficients", self.num_relations, self.num_bases)

    def relation_kernels(self):
        """The matrices of all relations, one a row: `(num_relations, elements)`."""
        if self.num_bases is None:
            return tf.reshape(self.kernels, [self.num_relations, -1])
        return tf.matmul(self.coefficients, tf.reshape(self.bases, [self.num_bases, -1]))

    def call(self, nodes, edges, training=None):
        graph = self.flat_graph(nodes, edges)
        states = graph.with_spare(nodes)
        groups = RelationGroups(graph, self.num_relations)
        means = tf.cast(groups.sums(states) / tf.maximum(groups.sizes(), 1.0), states.dtype)
        received = groups.sum_at_targets(self._transformed(means, groups.relation), groups.target)
        messages = tf.cast(received, states.dtype) + tf.matmul(states, self.self_kernel)
        return self.updated(nodes, graph.without_spare(messages), training)

    def _transformed(self, means, relation):
        """`W_r` times the means: `(blocks of groups, rows, dim)` to `(..., units)`."""
        kernels = tf.cast(lookup(self.relation_kernels(), relation, "relation"), means.dtype)
        kernels = tf.reshape(kernels, [-1, *self._kernel_shape])
        parts, part_dim, part_units = self._kernel_shape
        rows = means.shape[1]
        if parts == 1:
            return tf.matmul(means, kernels[:, 0])
        # (groups, rows, parts, dim / parts) -> (groups, parts, rows, dim / parts)
        means = tf.transpose(tf.reshape(means, [-1, rows, parts, part_dim]), [0, 2, 1, 3])
        transformed = tf.transpose(tf.matmul(means, kernels), [0, 2, 1, 3])
        return tf.reshape(transformed, [-1, rows, parts * part_units])

    def get_config(self):
        return {
            **super().get_config(),
            "num_relations": self.num_relations,
            "num_bases": self.num_bases,
            "num_blocks": self.num_blocks,
        }
