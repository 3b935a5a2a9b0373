"""Graphs as `tf.train.Example`s, in the form that TF-GNN's own tools read and write."""

import tensorflow as tf

from kgkeras.graph.bridge import tensorflow_gnn
from kgkeras.graph.schema import ENTITY, check_graph


def to_example(graph_tensor, schema):
    """One graph as a `tf.train.Example`.

    Args:
        graph_tensor: Scalar `tfgnn.GraphTensor`, eager.
        schema: The `GraphSchema` it follows, which reading it again takes.

    Raises:
        ValueError: If the graph does not match the schema or is no scalar.
    """
    check_graph(graph_tensor, schema)
    return tensorflow_gnn().write_example(graph_tensor)


def parse_examples(serialized, schema):
    """A batch of graphs, read from serialized `tf.train.Example`s; works in the graph.

    Args:
        serialized: String tensor `(batch,)`.
        schema: The `GraphSchema` that they were written with.

    Returns:
        `tfgnn.GraphTensor` of shape `(batch,)`.

    Raises:
        tf.errors.InvalidArgumentError: If an example is damaged or lacks a set of the schema.
    """
    tfgnn = tensorflow_gnn()
    _check_sizes(serialized, schema)
    return tfgnn.parse_example(tfgnn.create_graph_spec_from_schema_pb(schema), serialized)


def _check_sizes(serialized, schema):
    # TF-GNN takes an example without a set for one in which the set is empty.
    sets = [f"nodes/{ENTITY}", *(f"edges/{name}" for name in schema.edge_sets)]
    lengths = {f"{name}.#size": tf.io.RaggedFeature(tf.int64) for name in sets}
    for name, sizes in tf.io.parse_example(serialized, lengths).items():
        message = f"Every example must hold {name!r}, as the schema says."
        tf.debugging.assert_positive(sizes.row_lengths(), message)
