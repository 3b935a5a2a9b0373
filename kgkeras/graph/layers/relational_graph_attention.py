"""Attention over a node's incoming edges, which knows their relations."""

import math

import keras
import tensorflow as tf

from kgkeras.checks import describe, positive_int
from kgkeras.graph.layers.message_passing import MessagePassing
from kgkeras.graph.layers.relation_groups import check_relations
from kgkeras.ops import lookup
from kgkeras.registration import serializable


@serializable
class RelationalGraphAttention(MessagePassing):
    """`h'_i = activation(W_0 h_i + sum_e a_e (V h_j + v_r) + b)` over the edges from `j` to `i`.

    `a = softmax_e(q_i . (K h_j + k_r) / sqrt(head_dim))` with `q_i = Q h_i`, in each of the heads;
    the softmax is over the edges that share the target `i`. Each relation has a vector `k_r` in
    the keys and a vector `v_r` in the values.

    Args:
        units: Length of the new states: all heads together.
        num_heads: Number of heads; divides `units`.
        num_relations: Number of relations.
        **kwargs: As in `MessagePassing`: activation, dropout, residual, layer norm.

    Call arguments: `(nodes, edges, return_attention=False)`; see `MessagePassing`.

    `call(..., return_attention=True)` returns the pair (states, attention), the attention shaped
    as `edges["source"]` with an axis of heads at the end. It is 0 at padding.

    Reference: the relation-aware attention of Shaw et al., Self-attention with relative position
    representations, NAACL 2018, over the edges of a graph.
    """

    def __init__(self, units, num_heads, num_relations, **kwargs):
        super().__init__(units, **kwargs)
        self.num_heads = positive_int("num_heads", num_heads)
        self.num_relations = positive_int("num_relations", num_relations)
        if self.units % self.num_heads:
            raise ValueError(f"`num_heads` must divide `units`, {units}. {describe(num_heads)}.")

    def build_weights(self, dim):
        self.self_kernel = self.add_kernel("self_kernel", dim, self.units)
        self.query_kernel = self.add_kernel("query_kernel", dim, self.units)
        self.key_kernel = self.add_kernel("key_kernel", dim, self.units)
        self.value_kernel = self.add_kernel("value_kernel", dim, self.units)
        self.relation_keys = self.add_kernel("relation_keys", self.num_relations, self.units)
        self.relation_values = self.add_kernel("relation_values", self.num_relations, self.units)

    def call(self, nodes, edges, training=None, return_attention=False):
        graph = self.flat_graph(nodes, edges)
        if tf.executing_eagerly():
            check_relations(graph, self.num_relations)
        states = graph.with_spare(nodes)
        query = self._heads(graph.from_targets(tf.matmul(states, self.query_kernel)))
        key = self._of_edges(graph, tf.matmul(states, self.key_kernel), self.relation_keys)
        logits = tf.reduce_sum(query * key, axis=-1) / math.sqrt(self.units // self.num_heads)
        attention = graph.softmax_at_targets(tf.cast(logits, "float32"))
        attention = tf.where(graph.real[:, tf.newaxis], attention, 0.0)
        attention = tf.cast(attention, states.dtype)  # (all edges, heads)
        value = self._of_edges(graph, tf.matmul(states, self.value_kernel), self.relation_values)
        weighted = tf.reshape(value * attention[..., tf.newaxis], [-1, self.units])
        received = tf.cast(graph.sum_at_targets(weighted), states.dtype)
        messages = received + tf.matmul(states, self.self_kernel)
        updated = self.updated(nodes, graph.without_spare(messages), training)
        return (updated, graph.as_edges(attention)) if return_attention else updated

    def _of_edges(self, graph, states, relations):
        """An edge's source and its relation in one: `(all edges, heads, head_dim)`."""
        # A negative id is no relation that may be left out, as it is in a lookup.
        relation = tf.where(graph.relation < 0, self.num_relations, graph.relation)
        vectors = lookup(relations, relation, "relation")
        return self._heads(graph.from_sources(states) + tf.cast(vectors, states.dtype))

    def _heads(self, values):
        return tf.reshape(values, [-1, self.num_heads, self.units // self.num_heads])

    def compute_output_spec(self, nodes, edges, training=None, return_attention=False):
        updated = super().compute_output_spec(nodes, edges)
        if not return_attention:
            return updated
        shape = (*edges["source"].shape, self.num_heads)
        return updated, keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "num_relations": self.num_relations,
        }
