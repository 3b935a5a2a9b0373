"""A small model of all graph layers, whose inputs are a dict of plain tensors."""

import keras
import numpy as np

from kgkeras.graph import layers
from kgkeras.layers import EntityEmbedding, RelationEmbedding

ENTITIES, RELATIONS, DIM = 12, 4, 8


@keras.saving.register_keras_serializable(package="tests")
class Composition(keras.layers.Layer):
    """`CompGraphConv` with relation vectors of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.relations = RelationEmbedding(RELATIONS, DIM)
        self.conv = layers.CompGraphConv(DIM, "corr", activation="tanh")

    def build(self, nodes_shape, edges_shape):
        self.relations.build()
        self.conv.build(nodes_shape, edges_shape)

    def call(self, nodes, edges, training=None):
        return self.conv(nodes, edges, self.relations.vectors(), training=training)[0]

    def compute_output_spec(self, nodes, edges, training=None):
        return self.conv.compute_output_spec(nodes, edges, self.relations.table)[0]


def model():
    names = ("entity", "source", "target", "relation")
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
    edges = {name: inputs[name] for name in names[1:]}
    states = EntityEmbedding(ENTITIES, DIM)(inputs["entity"])
    states = layers.GraphConv(DIM, residual=True, layer_norm=True)(states, edges)
    states = layers.RelationalGraphConv(DIM, RELATIONS, num_bases=2, activation="relu")(
        states, inputs
    )
    states = Composition()(states, edges)
    attention = layers.RelationalGraphAttention(DIM, 2, RELATIONS, residual=True)
    states, weights = attention(states, edges, return_attention=True)
    mask = keras.ops.greater_equal(inputs["entity"], 0)
    context = layers.NeighbourhoodPooling("attention")(states, mask)
    score = keras.layers.Dense(1, name="score")(context)
    return keras.Model(inputs, {"score": score, "attention": weights})


def batch(rows, seed=0, num_nodes=6, num_edges=10):
    """Padded subgraphs; the first is empty."""
    rng = np.random.default_rng(seed)
    result = {"entity": np.full((rows, num_nodes), -1, "int32")}
    for name in ("source", "target", "relation"):
        result[name] = np.full((rows, num_edges), -1, "int32")
    for row in range(1, rows):
        nodes, edges = rng.integers(1, num_nodes + 1), rng.integers(0, num_edges + 1)
        result["entity"][row, :nodes] = rng.integers(0, ENTITIES, nodes)
        result["source"][row, :edges] = rng.integers(0, nodes, edges)
        result["target"][row, :edges] = rng.integers(0, nodes, edges)
        result["relation"][row, :edges] = rng.integers(0, RELATIONS, edges)
    return result
