"""The graph convolution that composes entities and relations (CompGCN)."""

import keras
import tensorflow as tf

from kgkeras.checks import one_of
from kgkeras.graph.layers.flat_graph import scaled
from kgkeras.graph.layers.message_passing import MessagePassing
from kgkeras.graph.layers.relation_groups import RelationGroups
from kgkeras.ops import lookup
from kgkeras.registration import serializable


@serializable
class CompGraphConv(MessagePassing):
    """`h'_i = activation(sum_e W_dir(e) phi(h_j, z_r) / c_ij + W_loop phi(h_i, z_loop) + b)`.

    The sum is over the edges `e` from `j` to `i` with relation `r`. `dir(e)` is "in" for the first
    half of the relations and "out" for the second half, their inverses. Relations are updated too:
    `z'_r = W_rel z_r`, or `z_r + W_rel z_r` where `residual`. With that and
    `kernel_initializer="zeros"` the layer begins by passing on what it gets (as in ReZero,
    Bachlechner et al., UAI 2021), if its activation is 0 at 0.

    Args:
        units: Length of the new states and of the new relation vectors.
        composition: "sub" for `phi(h, z) = h - z`, "mult" for `h * z`, "corr" for the circular
            correlation, element `k` of which is `sum_i h_i z_(i + k mod dim)`.
        normalization: "symmetric" for `c_ij = sqrt(incoming(i) * outgoing(j))`, "row" for
            `c_ij = incoming(i)`, None for 1. The counts are of edges.
        **kwargs: As in `MessagePassing`: activation, dropout and layer norm, which are of the nodes
            alone, and residual.

    Call arguments:
        nodes, edges: As in `MessagePassing`.
        relations: Float tensor `(num_relations, dim)`, as long as the nodes' states; the same for
            all graphs of a batch. Relation `r` and `r + num_relations / 2` are inverse.

    Returns:
        The pair of new states, shaped as `nodes` with `units` elements, and new relation vectors
        `(num_relations, units)`.

    XLA cannot compile this layer; edges sorted by relation, then target, save it the sorting.

    Reference: Vashishth et al., Composition-based multi-relational graph convolutional networks,
    ICLR 2020.
    """

    def __init__(self, units, composition="sub", normalization="symmetric", **kwargs):
        super().__init__(units, **kwargs)
        self.composition = one_of("composition", composition, tuple(_COMPOSITIONS))
        choices = ("symmetric", "row", None)
        self.normalization = one_of("normalization", normalization, choices)
        self.supports_jit = False

    def build(self, nodes_shape, edges_shape=None, relations_shape=None):
        super().build(nodes_shape, edges_shape)
        if relations_shape is not None:
            self._check_relations(nodes_shape, relations_shape)

    def build_weights(self, dim):
        self.in_kernel = self.add_kernel("in_kernel", dim, self.units)
        self.out_kernel = self.add_kernel("out_kernel", dim, self.units)
        self.loop_kernel = self.add_kernel("loop_kernel", dim, self.units)
        self.relation_kernel = self.add_kernel("relation_kernel", dim, self.units)
        # A relation's vector, which no product with a kernel of zeros may leave at zero.
        self.loop_relation = self.add_weight(
            name="loop_relation", shape=(1, dim), initializer="glorot_uniform"
        )

    def call(self, nodes, edges, relations, training=None):
        self._check_relations(nodes.shape, relations.shape)
        graph = self.flat_graph(nodes, edges)
        states = graph.with_spare(nodes)
        compose = _COMPOSITIONS[self.composition]
        loops = compose(states, self.loop_relation, 1)
        messages = self._received(graph, states, relations) + tf.matmul(loops, self.loop_kernel)
        new_nodes = self.updated(nodes, graph.without_spare(messages), training)
        new_relations = tf.matmul(relations, self.relation_kernel)
        return new_nodes, relations + new_relations if self.residual else new_relations

    def _received(self, graph, states, relations):
        """What each node hears from the others: `(all nodes + 1, units)`."""
        groups = RelationGroups(graph, relations.shape[0])
        at_source, at_target = graph.edge_scales(self.normalization)
        totals = groups.sums(scaled(states, at_source))
        weights = groups.sizes() if at_source is None else groups.sums(at_source)
        # The compositions are linear in the state, so a group's sum composes as each edge would.
        vectors = lookup(relations, groups.relation, "relation")[:, tf.newaxis]
        vectors = tf.cast(vectors, totals.dtype)
        composed = _COMPOSITIONS[self.composition](totals, vectors, weights)
        # Blocks are in the order of their relations.
        original = groups.relation < relations.shape[0] // 2
        first = tf.math.count_nonzero(original, dtype="int32")
        sizes = [first, tf.size(original) - first]
        # Not slices: their gradients would be as large as all blocks, twice.
        (originals, inverses), targets = (
            tf.split(values, sizes) for values in (composed, groups.target)
        )
        # Scaled before they are multiplied: half precision does not hold sums of many.
        heard = (
            tf.cast(scaled(groups.sum_at_targets(*part), at_target), states.dtype)
            for part in ((originals, targets[0]), (inverses, targets[1]))
        )
        kernels = (self.in_kernel, self.out_kernel)
        return sum(tf.matmul(sums, kernel) for sums, kernel in zip(heard, kernels, strict=True))

    def _check_relations(self, nodes_shape, relations_shape):
        rank, number = len(relations_shape), relations_shape[0] if relations_shape else None
        if rank != 2 or number is None or number % 2 or relations_shape[-1] != nodes_shape[-1]:
            raise ValueError(
                "CompGraphConv needs relations `(num_relations, dim)`: an even number, since the "
                "second half are the inverses of the first, and as long as the nodes' states. "
                f"Received: relations {tuple(relations_shape)}, nodes {tuple(nodes_shape)}."
            )

    def compute_output_shape(self, nodes_shape, edges_shape=None, relations_shape=None):
        nodes = super().compute_output_shape(nodes_shape, edges_shape)
        self._check_relations(nodes_shape, relations_shape)
        return nodes, (relations_shape[0], self.units)

    def compute_output_spec(self, nodes, edges, relations, training=None):
        edges_shape = {name: ids.shape for name, ids in edges.items()}
        shapes = self.compute_output_shape(nodes.shape, edges_shape, relations.shape)
        return tuple(keras.KerasTensor(shape, dtype=self.compute_dtype) for shape in shapes)

    def get_config(self):
        return {
            **super().get_config(),
            "composition": self.composition,
            "normalization": self.normalization,
        }


def _subtraction(states, vectors, weights):
    return states - weights * vectors


def _product(states, vectors, weights):
    del weights  # A product with a sum of states has them in it already.
    return states * vectors


def _correlation(states, vectors, weights):
    del weights
    dim = states.shape[-1]
    states_spectrum = tf.signal.rfft(tf.cast(states, "float32"))
    vectors_spectrum = tf.signal.rfft(tf.cast(vectors, "float32"))
    correlated = tf.signal.irfft(tf.math.conj(states_spectrum) * vectors_spectrum, [dim])
    return tf.cast(correlated, states.dtype)


_COMPOSITIONS = {"sub": _subtraction, "mult": _product, "corr": _correlation}
