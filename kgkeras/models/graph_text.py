"""A language encoder, a graph encoder over the text's subgraph, and a fusion between them."""

import keras
from keras import ops

from kgkeras.checks import describe, one_of, positive_int
from kgkeras.layers import (
    AttentionFusion,
    Fusion,
    GatedFusion,
    InteractionFusion,
    MeanPooling,
    MentionIds,
    TextNode,
)
from kgkeras.layers.triple_embedding import check_tables
from kgkeras.models.triple_objective import TripleObjective, checked_objective
from kgkeras.ops import places_of
from kgkeras.registration import serializable
from kgkeras.scorers import DistMult

# What fuses in each mode: the class it must be of, and what is taken where none is given.
_FUSIONS = {
    "attention": (Fusion, AttentionFusion),
    "linked": (Fusion, GatedFusion),
    "interaction": (InteractionFusion, InteractionFusion),
}
_EDGES = ("source", "target", "relation")


@serializable
class GraphTextModel(TripleObjective):
    """Reads a text and the facts around its entities, each in the light of the other.

    The text joins its subgraph as one more node (`layers.TextNode`), so messages along the facts
    know what is asked; what the nodes have learned comes back to the words as `mode` says:

    - "attention": each word attends over the states of all nodes, by `AttentionFusion`.
    - "linked": a node's state enters at the words that name it, by any `layers.Fusion`.
    - "interaction": words and nodes are updated side by side, and after each pair of a text layer
      and a graph layer the first word and the text's node exchange what they know, by one
      `InteractionFusion` for all rounds.

    The head sees the pooled words, the state of the text's node and the pooled other nodes. A text
    without entities, or with nothing around them, is judged by its words.

    `fit`, `evaluate` and `predict` are Keras' own. Batches that hold triples of the graph teach
    the tables these too, as in `JointModel`, which without `triples` is the text-only twin.

    Args:
        encoder: `keras.Model` from `{"token_ids", "padding_mask"}` to `(batch, words, dim)`.
        head: Layer from a text's vector to outputs, such as `layers.ClassificationHead`.
        triples: `layers.TripleEmbedding`: nodes start as their entities' vectors. Its relations
            serve the triples' loss alone.
        graph_layers: List of `graph.MessagePassing` layers, called `(nodes, edges)`. Those that ask
            for a number of relations want `num_relations + 2`: two are of the text's node.
        num_relations: Number of relations of the edges, the inverses included.
        mode: How nodes reach the words: "attention", "linked" or "interaction".
        fusion: What brings them there; where None, `AttentionFusion`, `GatedFusion` or
            `InteractionFusion`, by the mode.
        text_layers: With "interaction", a layer for each of `graph_layers`, called `(words,
            padding_mask=...)`, such as `text.transformer_layer(dim)`.
        relevance: `layers.NodeRelevance`, or None.
        scorer: A `scorers.Scorer` for the triples' loss; `DistMult` where None.
        pooling: Layer `(text, token_ids, padding_mask)` to `(batch, dim)`; `MeanPooling` if None.
        node_pooling: Layer `(nodes, mask)` to `(batch, dim)`; `graph.NeighbourhoodPooling` with
            attention where None.
        max_mentions: How many of a text's entities are joined with it, the first ones.
        kg_weight: As for `JointModel`.
        kg_loss: As for `JointModel`.

    Call arguments:
        inputs: Dict of `token_ids` `(batch, words)` int32, `padding_mask` `(batch, words)` bool,
            `entity_ids` `(batch, words)` int32, negative for no entity, and `graph`, a dict of
            int32 tensors: `entity` `(batch, nodes)`, each once a row, and `source`, `target` and
            `relation` `(batch, edges)`, padded with -1: see `pipelines.graph_text_batches`, and
            `JointModel` for what training may add. Further keys are ignored.

    Returns:
        What `head` returns, such as logits `(batch, classes)`.

    Raises:
        ValueError: If the parts do not fit each other or the mode.

    References: Yasunaga et al., QA-GNN, NAACL 2021; Zhang et al., GreaseLM, ICLR 2022.
    """

    parts = (
        "encoder",
        "head",
        "triples",
        "graph_layers",
        "fusion",
        "text_layers",
        "relevance",
        "scorer",
        "pooling",
        "node_pooling",
        "kg_loss",
        "kg_weight",
    )
    settings = ("num_relations", "mode", "max_mentions")

    def __init__(
        self,
        encoder,
        head,
        triples,
        graph_layers,
        *,
        num_relations,
        mode="linked",
        fusion=None,
        text_layers=(),
        relevance=None,
        scorer=None,
        pooling=None,
        node_pooling=None,
        max_mentions=8,
        kg_weight=1.0,
        kg_loss=None,
        **kwargs,
    ):
        num_relations = positive_int("num_relations", num_relations)
        max_mentions = positive_int("max_mentions", max_mentions)
        fusion = _checked_fusion(mode, fusion)
        _check_layers(graph_layers, text_layers, num_relations, mode)
        check_tables(triples)
        kg_weight, kg_loss = checked_objective(kg_weight, kg_loss)
        pooling = pooling or MeanPooling(name="pooling")
        node_pooling = node_pooling or _attention_pooling()

        # === Graph ===
        inputs = _inputs()
        tokens, entity = (inputs["token_ids"], inputs["padding_mask"]), inputs["graph"]["entity"]
        mention_ids = MentionIds(max_mentions, name="mention_ids")(inputs["entity_ids"])
        text = encoder(dict(zip(("token_ids", "padding_mask"), tokens, strict=True)))
        vector, nodes = pooling(text, *tokens), triples.entities(entity)
        if relevance is not None:
            nodes = relevance(vector, nodes, entity >= 0)
        edges = {name: inputs["graph"][name] for name in _EDGES}
        text_node = TextNode(num_relations, name="text_node")
        nodes, edges = text_node(vector, nodes, edges, places_of(mention_ids, entity))
        if mode == "interaction":
            for text_layer, graph_layer in zip(text_layers, graph_layers, strict=True):
                text = text_layer(text, padding_mask=tokens[1])
                text, nodes = fusion(text, graph_layer(nodes, edges))
        else:
            for graph_layer in graph_layers:
                nodes = graph_layer(nodes, edges)
            ids = mention_ids if fusion.candidates else inputs["entity_ids"]
            ids = None if mode == "attention" else ids
            text = _fused(text, nodes[:, 1:], entity, ids, fusion)
        features = [pooling(text, *tokens), nodes[:, 0], node_pooling(nodes[:, 1:], entity >= 0)]
        features = keras.layers.Concatenate(name="features")(features)
        super().__init__(inputs, head(features), **kwargs)

        # === Parts and configuration ===
        self.encoder, self.head, self.pooling = encoder, head, pooling
        self.graph_layers, self.text_layers = list(graph_layers), list(text_layers)
        self.fusion, self.relevance, self.node_pooling = fusion, relevance, node_pooling
        self.num_relations, self.mode, self.max_mentions = num_relations, mode, max_mentions
        self._set_objective(triples, scorer or DistMult(name="scorer"), kg_weight, kg_loss)

    def call(self, inputs, training=None, mask=None):
        wanted = {name: inputs[name] for name in self._inputs_struct}
        wanted["graph"] = {name: inputs["graph"][name] for name in ("entity", *_EDGES)}
        return super().call(wanted, training=training)


def _inputs():
    """The model's inputs, as the class describes them."""

    def ids(name):
        return keras.Input((None,), dtype="int32", name=name)

    return {
        "token_ids": ids("token_ids"),
        "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
        "entity_ids": ids("entity_ids"),
        "graph": {name: ids(name) for name in ("entity", *_EDGES)},
    }


def _fused(text, states, entity, ids, fusion):
    """The words with states of nodes: of those of the entities `ids`, or of all where None."""
    if ids is None:
        return fusion(text, states, entity >= 0)
    # A graph of no nodes gets one that no id names: there is nothing to take from none.
    states = ops.pad(states, [[0, 0], [0, 1], [0, 0]])
    places = places_of(ids, entity)
    columns = ops.expand_dims(ops.maximum(places, 0), -1)
    return fusion(text, ops.take_along_axis(states, columns, axis=1), places >= 0)


def _attention_pooling():
    # Not above: models that need no graph layers work without TensorFlow.
    from kgkeras.graph import NeighbourhoodPooling

    return NeighbourhoodPooling("attention", name="node_pooling")


def _checked_fusion(mode, fusion):
    kind, default = _FUSIONS[one_of("mode", mode, tuple(_FUSIONS))]
    fusion = fusion or default(name="fusion")
    if not isinstance(fusion, kind):
        raise ValueError(
            f"`fusion` must be a layers.{kind.__name__} with mode={mode!r}. {describe(fusion)}."
        )
    if mode == "attention" and not fusion.candidates:
        raise ValueError(
            "`fusion` must choose among candidates with mode='attention', as AttentionFusion does. "
            f"{describe(fusion)}."
        )
    return fusion


def _check_layers(graph_layers, text_layers, num_relations, mode):
    from kgkeras.graph.layers import CompGraphConv, MessagePassing

    for layer in graph_layers:
        if not isinstance(layer, MessagePassing) or isinstance(layer, CompGraphConv):
            raise ValueError(
                "`graph_layers` must be MessagePassing layers that are called `(nodes, edges)`. "
                f"{describe(layer)}."
            )
        number = getattr(layer, "num_relations", num_relations + 2)
        if number != num_relations + 2:
            raise ValueError(
                f"Graph layers must have num_relations={num_relations + 2}, two of them for the "
                f"text's node. Received: {layer.name!r} with num_relations={number}."
            )
    wanted = len(graph_layers) if mode == "interaction" else 0
    if len(text_layers) != wanted:
        raise ValueError(
            f"`text_layers` must be {wanted} with mode={mode!r} and {len(graph_layers)} graph "
            f"layers. Received: {len(text_layers)}."
        )
