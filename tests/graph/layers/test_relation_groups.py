"""Sums over groups of edges where there are none."""

import numpy as np
import pytest
import tensorflow as tf

from kgkeras.graph import CompGraphConv, RelationalGraphConv


@pytest.mark.parametrize("kind", [RelationalGraphConv, CompGraphConv])
def test_without_edges_states_have_a_gradient_of_the_node_alone(kind):
    layer = kind(4, num_relations=2) if kind is RelationalGraphConv else kind(4, "mult")
    rest = () if kind is RelationalGraphConv else (tf.ones((2, 4)),)

    @tf.function
    def gradient(nodes, edges):
        with tf.GradientTape() as tape:
            tape.watch(nodes)
            new = layer(nodes, edges, *rest)
            total = tf.reduce_sum(new if kind is RelationalGraphConv else new[0])
        return tape.gradient(total, nodes)

    def edges(*ids):
        return {name: tf.constant(ids, tf.int32) for name in ("source", "target", "relation")}

    # No operation may leave what was in memory: it is filled with other values in between.
    found = []
    for size in (3, 50, 3, 200, 3):
        nodes = tf.random.normal((size, 4)) * 1e6
        result = gradient(nodes, edges()).numpy()
        if size == 3:
            found.append(result)
    for result in found:
        np.testing.assert_allclose(result, np.broadcast_to(found[0][:1], (3, 4)), rtol=1e-5)
