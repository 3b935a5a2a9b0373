"""Represents every entity by the paths that lead to it from a query's own."""

import keras
import tensorflow as tf

from kgkeras.checks import describe, positive_int
from kgkeras.graph.fact_edges import FactEdges
from kgkeras.graph.layers.flat_graph import FlatGraph
from kgkeras.graph.layers.path_conv import PathConv
from kgkeras.graph.layers.relation_groups import RelationGroups
from kgkeras.graph.reached import checked_entities
from kgkeras.registration import serializable


@serializable
class PathEncoder(keras.layers.Layer):
    """A generalised Bellman-Ford iteration from the head of each query (NBFNet).

    At first only the head is known to be related to itself, by the query's own vector; each layer
    goes one fact further. There is no vector of any entity, so the weights serve any graph of the
    same relations, also one of entities never seen in training.

    The facts that a training step asks for should be left out of it (`FactEdges(hide_batch=True)`),
    as otherwise the answer is one step away.

    Args:
        facts: `graph.FactEdges`.
        units: Length of the states.
        num_layers: Number of steps, the longest path.
        aggregate: As for `graph.PathConv`.
        dependent: As for `graph.PathConv`.

    Call arguments:
        head: Int32 tensor `(queries,)`.
        relation: Int32 tensor `(queries,)`, inverse relations included.
        facts: As for `FactEdges`: what the training step asks for.

    Returns:
        Pair of float tensors: what is known of each entity, `(num_entities, queries, units)`, and
        the queries' own vectors, `(queries, units)`.

    Memory grows with `queries * units` times the entities and the distinct pairs of relation and
    tail; with `"pna"`, times the facts. Training keeps this of each layer.

    Raises:
        ValueError: If `facts` are not `FactEdges`.
        tf.errors.InvalidArgumentError: If a head is not below `num_entities`.

    Reference: Zhu et al., Neural Bellman-Ford networks: a general graph neural network framework
    for link prediction, NeurIPS 2021.
    """

    def __init__(self, facts, units=32, num_layers=6, aggregate="pna", dependent=True, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(facts, FactEdges):
            raise ValueError(f"`facts` must be FactEdges. {describe(facts)}.")
        self.facts = facts
        self.units = positive_int("units", units)
        self.num_layers = positive_int("num_layers", num_layers)
        self.aggregate, self.dependent = aggregate, bool(dependent)
        self.supports_jit = False
        self._relations = 2 * facts.num_relations
        self.layers = [
            PathConv(
                units,
                self._relations,
                aggregate,
                dependent,
                name=f"step_{i}",
                dtype=self.dtype_policy,
            )
            for i in range(num_layers)
        ]

    def build(self, head_shape, relation_shape=None):
        self.queries = self.add_weight(
            name="queries",
            shape=(self._relations, self.units),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
        )
        states = (None, None, self.units)
        for layer in self.layers:
            layer.build(states, states, (None, self.units))

    def call(self, head, relation, training=None, facts=None):
        edges = self.facts(facts, training=training)
        num_entities = self.facts.num_entities
        graph = FlatGraph(tf.zeros((num_entities, 1)), edges)
        groups = RelationGroups(graph, self._relations, block=1)
        query = tf.gather(self.queries, relation)
        head = checked_entities("head", head, num_entities)
        # The last node is the one that padding edges lead to.
        start = tf.one_hot(head, num_entities + 1, axis=0, dtype=query.dtype)
        boundary = start[..., tf.newaxis] * query
        states = boundary
        for layer in self.layers:
            states = layer(states, boundary, query, groups=groups)
        return states[:num_entities], query

    def compute_output_spec(self, head, relation, training=None, facts=None):
        queries = head.shape[0]
        return (
            keras.KerasTensor((self.facts.num_entities, queries, self.units), self.compute_dtype),
            keras.KerasTensor((queries, self.units), self.compute_dtype),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "facts": keras.saving.serialize_keras_object(self.facts),
            "units": self.units,
            "num_layers": self.num_layers,
            "aggregate": self.aggregate,
            "dependent": self.dependent,
        }

    @classmethod
    def from_config(cls, config):
        facts = keras.saving.deserialize_keras_object(config["facts"])
        return cls(**{**config, "facts": facts})
