"""Whole knowledge graphs as `GraphTensor`s, and back."""

import numpy as np
import tensorflow as tf

from kgkeras.graph.schema import graph_schema
from kgkeras.graph.tensors import from_tensors, to_tensors


def from_knowledge_graph(graph, edge_sets="one"):
    """A graph of all entities, in the order of their ids, and of all facts, from head to tail.

    Args:
        graph: `kgkeras.kg.KnowledgeGraph`; message passing wants `graph.with_inverses()`.
        edge_sets: `"one"` or `"per_relation"`, as in `graph_schema`.

    Returns:
        Scalar `tfgnn.GraphTensor` that follows `graph_schema(graph, edge_sets)`.

    Raises:
        ValueError: If there is no such layout.
    """
    head, relation, tail = graph.triples.T
    tensors = {
        "entity": tf.range(graph.num_entities),
        "source": tf.constant(head),
        "target": tf.constant(tail),
        "relation": tf.constant(relation),
    }
    return from_tensors(tensors, graph_schema(graph, edge_sets))


def to_knowledge_graph(graph_tensor, vocabulary, edge_sets="one"):
    """The facts of a `GraphTensor`, over a given vocabulary.

    It undoes `from_knowledge_graph`, except that edge sets per relation give the facts in the order
    of their relations. The nodes may be any part of the vocabulary, in any order.

    Args:
        graph_tensor: Scalar `tfgnn.GraphTensor`.
        vocabulary: `kgkeras.kg.KnowledgeGraph` whose entities and relations the ids mean.
        edge_sets: The layout of the graph, as in `graph_schema`.

    Returns:
        `KnowledgeGraph` with the vocabularies and texts of `vocabulary`.

    Raises:
        ValueError: If the graph does not match the layout, is no scalar, or an id is not in the
            vocabulary.
        tf.errors.InvalidArgumentError: If an edge runs to a node that does not exist.
    """
    if graph_tensor.rank:
        raise ValueError(f"`graph_tensor` must be one graph. Received: rank {graph_tensor.rank}.")
    tensors = to_tensors(graph_tensor, graph_schema(vocabulary, edge_sets))
    columns = {name: value.numpy() for name, value in tensors.items()}
    entity = columns["entity"]
    head, tail = entity[columns["source"]], entity[columns["target"]]
    return vocabulary.with_triples(np.stack([head, columns["relation"], tail], axis=1))
