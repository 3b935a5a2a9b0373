"""Graphs in TensorFlow: the only door to TF-GNN, which is imported when it is first needed."""

from kgkeras.graph.bridge import tensorflow_gnn
from kgkeras.graph.examples import parse_examples, to_example
from kgkeras.graph.fact_counts import FactCounts
from kgkeras.graph.fact_edges import FactEdges
from kgkeras.graph.fact_index import FactIndex
from kgkeras.graph.graph_encoder import GraphEncoder
from kgkeras.graph.knowledge import from_knowledge_graph, to_knowledge_graph
from kgkeras.graph.layers import (
    CompGraphConv,
    GraphConv,
    NeighbourhoodPooling,
    PathConv,
    RelationalGraphAttention,
    RelationalGraphConv,
    RelationWalk,
)
from kgkeras.graph.path_encoder import PathEncoder
from kgkeras.graph.reached import Reached
from kgkeras.graph.schema import check_graph, graph_schema
from kgkeras.graph.supposed_facts import SupposedFacts
from kgkeras.graph.tensors import from_tensors, to_tensors

__all__ = [
    "CompGraphConv",
    "FactCounts",
    "FactEdges",
    "FactIndex",
    "GraphConv",
    "GraphEncoder",
    "NeighbourhoodPooling",
    "PathConv",
    "PathEncoder",
    "Reached",
    "RelationWalk",
    "RelationalGraphAttention",
    "RelationalGraphConv",
    "SupposedFacts",
    "check_graph",
    "from_knowledge_graph",
    "from_tensors",
    "graph_schema",
    "parse_examples",
    "tensorflow_gnn",
    "to_example",
    "to_knowledge_graph",
    "to_tensors",
]
