"""Makes vectors of entities and relations from a whole graph: what `LinkPredictor` can learn on."""

import keras

from kgkeras.checks import describe
from kgkeras.graph.fact_edges import FactEdges
from kgkeras.graph.layers import CompGraphConv, MessagePassing
from kgkeras.registration import serializable


@serializable
class GraphEncoder(keras.layers.Layer):
    """Passes messages along all facts of a graph, and back, by one layer after the other.

    Give it to a `models.LinkPredictor` as `encoder=`: entities are then scored by what the layers
    make of their vectors. `CompGraphConv` also updates the relations' vectors; the other layers
    leave them alone.

    The facts are those that the model is trained on, so a fact is seen while it is scored, as in
    the papers on R-GCN and CompGCN. `FactEdges` can leave some out of each step, at random or
    those that the step scores. Validation and test facts are never seen.

    Args:
        layers: List of `graph.MessagePassing` layers; none leaves the vectors as they are. Those
            that ask for a number of relations want that of `facts` twice, for the inverses.
        facts: `graph.FactEdges`.

    Call arguments:
        entities: Float tensor `(num_entities, dim)`.
        relations: Float tensor `(rows, relation_dim)`; with a `CompGraphConv`, `rows` is
            `2 * num_relations`, and `relation_dim` the length of the states that it meets.
        facts: As for `FactEdges`: what the training step scores.

    Returns:
        The pair of new vectors, of as many rows.

    Raises:
        ValueError: If the layers or facts do not fit, or the vectors are not as many as the
            graph's entities and relations.

    Example:
    ```python
    convolutions = [CompGraphConv(100, "mult", activation="tanh", dropout=0.1)]
    encoder = GraphEncoder.from_graph(splits, convolutions)
    model = LinkPredictor.from_graph(splits, DistMult(), dim=100, encoder=encoder)
    ```

    References: Schlichtkrull et al., Modeling relational data with graph convolutional networks,
    ESWC 2018; Vashishth et al., Composition-based multi-relational graph convolutional networks,
    ICLR 2020.
    """

    def __init__(self, layers, facts, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(facts, FactEdges):
            raise ValueError(f"`facts` must be FactEdges. {describe(facts)}.")
        self.facts = facts
        self.layers = [self._checked_layer(layer) for layer in layers]
        self.supports_jit = False

    @classmethod
    def from_graph(cls, graph, layers, *, edge_dropout=0.0, hide_batch=False, **kwargs):
        """An encoder over the distinct facts of a graph.

        Args:
            graph: `kg.KnowledgeGraph` without inverse relations, or `kg.Splits`, whose training
                facts are taken.
            layers: As for the class.
            edge_dropout: Rate at which facts are left out of a training step, each with its
                inverse, before the layers count edges.
            hide_batch: Whether the facts that a training step scores are left out of it. Two
                replicas hide half of a batch each, and so learn otherwise than one.
            **kwargs: As for the class.

        Raises:
            ValueError: If the graph has inverse relations already, or as for the class.
        """
        graph = getattr(graph, "train", graph)
        facts = FactEdges.from_graph(graph, dropout=edge_dropout, hide_batch=hide_batch)
        return cls(layers, facts, **kwargs)

    def build(self, entities_shape, relations_shape):
        self._check_rows(entities_shape, relations_shape)
        for layer in self.layers:
            if not layer.built:
                layer.build(entities_shape)
            entities_shape, relations_shape = _shapes(layer, entities_shape, relations_shape)

    def call(self, entities, relations, training=None, facts=None):
        edges = self.facts(facts, training=training)
        for layer in self.layers:
            if isinstance(layer, CompGraphConv):
                entities, relations = layer(entities, edges, relations, training=training)
            else:
                entities = layer(entities, edges, training=training)
        return entities, relations

    def _checked_layer(self, layer):
        if not isinstance(layer, MessagePassing):
            raise ValueError(f"`layers` must be MessagePassing layers. {describe(layer)}.")
        wanted = 2 * self.facts.num_relations
        number = getattr(layer, "num_relations", wanted)
        if number != wanted:
            raise ValueError(
                f"Layers of this graph must have {wanted} relations, the inverses included. "
                f"Received: {layer.name!r} with num_relations={number}."
            )
        return layer

    def relation_dim(self, dim):
        """Length that relations' vectors must have, or None where no layer reads them.

        Args:
            dim: Length of the entities' vectors.
        """
        for layer in self.layers:
            if isinstance(layer, CompGraphConv):
                return dim
            dim = layer.units
        return None

    def output_dim(self, dim):
        """Length of the new vectors of entities, of ones of length `dim`."""
        return self.layers[-1].units if self.layers else dim

    def _check_rows(self, entities_shape, relations_shape):
        entities, rows = self.facts.num_entities, 2 * self.facts.num_relations
        needed = any(isinstance(layer, CompGraphConv) for layer in self.layers)
        right = relations_shape[0] == rows or not needed
        if entities_shape[0] != entities or not right:
            raise ValueError(
                f"The encoder is of a graph of {entities} entities and {rows} relations, "
                f"the inverses included. Received: vectors of {entities_shape[0]} entities and "
                f"{relations_shape[0]} relations."
            )

    def compute_output_shape(self, entities_shape, relations_shape):
        self._check_rows(entities_shape, relations_shape)
        for layer in self.layers:
            entities_shape, relations_shape = _shapes(layer, entities_shape, relations_shape)
        return tuple(entities_shape), tuple(relations_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "layers": [keras.saving.serialize_keras_object(layer) for layer in self.layers],
            "facts": keras.saving.serialize_keras_object(self.facts),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["facts"] = keras.saving.deserialize_keras_object(config["facts"])
        config["layers"] = [
            keras.saving.deserialize_keras_object(layer) for layer in config["layers"]
        ]
        return cls(**config)


def _shapes(layer, entities_shape, relations_shape):
    """The shapes of entities and relations behind a layer."""
    if isinstance(layer, CompGraphConv):
        return layer.compute_output_shape(entities_shape, None, relations_shape)
    return layer.compute_output_shape(entities_shape), relations_shape
