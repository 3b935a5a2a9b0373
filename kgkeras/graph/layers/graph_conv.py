"""The plain graph convolution."""

import tensorflow as tf

from kgkeras.checks import one_of
from kgkeras.graph.layers.flat_graph import scaled
from kgkeras.graph.layers.message_passing import MessagePassing
from kgkeras.registration import serializable


@serializable
class GraphConv(MessagePassing):
    """`h'_i = activation(W sum_j h_j / c_ij + b)` over the edges from `j` to `i`.

    Args:
        units: Length of the new states.
        normalization: "symmetric" for `c_ij = sqrt(incoming(i) * outgoing(j))`, "row" for
            `c_ij = incoming(i)`, None for 1. The counts are of edges.
        self_loops: Whether each node has an edge to itself beside its own.
        **kwargs: As in `MessagePassing`: activation, dropout, residual, layer norm.

    Call arguments: `(nodes, edges)`; see `MessagePassing`. Relations are not looked at.

    Reference: Kipf & Welling, Semi-supervised classification with graph convolutional networks,
    ICLR 2017.
    """

    needs_relations = False

    def __init__(self, units, normalization="symmetric", self_loops=True, **kwargs):
        super().__init__(units, **kwargs)
        choices = ("symmetric", "row", None)
        self.normalization = one_of("normalization", normalization, choices)
        self.self_loops = bool(self_loops)

    def build_weights(self, dim):
        self.kernel = self.add_kernel("kernel", dim, self.units)

    def call(self, nodes, edges, training=None):
        graph = self.flat_graph(nodes, edges)
        states = graph.with_spare(nodes)
        # The shorter states travel.
        first = self.units < states.shape[-1]
        states = tf.matmul(states, self.kernel) if first else states
        at_source, at_target = graph.edge_scales(self.normalization, self.self_loops)
        sent = scaled(states, at_source)
        received = graph.sum_at_targets(graph.from_sources(sent))
        received += tf.cast(sent, received.dtype) if self.self_loops else 0.0
        received = tf.cast(scaled(received, at_target), states.dtype)
        messages = received if first else tf.matmul(received, self.kernel)
        return self.updated(nodes, graph.without_spare(messages), training)

    def get_config(self):
        return {
            **super().get_config(),
            "normalization": self.normalization,
            "self_loops": self.self_loops,
        }
