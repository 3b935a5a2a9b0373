"""`GraphTensor`s as dicts of plain tensors, which every Keras model takes, and back.

A flat graph is `{"entity": (nodes,), "source", "target", "relation": (edges,)}`, a padded batch of
graphs `{"entity": (batch, nodes), "source", "target", "relation": (batch, edges)}`, all int32.
`entity` holds ids, `source` and `target` positions among the nodes of the same graph. A negative
`entity` is no node, a negative `source` no edge. `relation` may be missing.
"""

import tensorflow as tf

from kgkeras.checks import describe, positive_int
from kgkeras.graph import schema as schemas
from kgkeras.graph.bridge import tensorflow_gnn
from kgkeras.graph.schema import ENTITY, FACT, ID, RELATION

_NAMES = ("entity", "source", "target", "relation")


def from_tensors(tensors, schema=None):
    """The graph, or batch of graphs, that a dict of tensors describes, without its padding.

    Args:
        tensors: Dict in the flat or the padded form.
        schema: What `graph_schema` returned: the layout of the edges, and the sizes that ids are
            checked against. None stands for one edge set, of any sizes.

    Returns:
        `tfgnn.GraphTensor`: a scalar for the flat form, else of shape `(batch,)`.

    Raises:
        ValueError: If a tensor is missing, unknown or of another rank.
        tf.errors.InvalidArgumentError: If an edge runs to a node that does not exist, or an id is
            not in the vocabulary.
    """
    tensors = _checked(tensors)
    flat = tensors["entity"].shape.rank == 1
    if flat:
        tensors = {name: value[tf.newaxis] for name, value in tensors.items()}
    nodes, edges = _without_padding(tensors)
    names = None
    if schema is not None:
        names = schemas.relation_edge_sets(schema)
        _check_below("entity", nodes.flat_values, schemas.num_entities(schema))
        if RELATION not in edges:
            raise ValueError("`tensors` must have the key 'relation', as the schema tells them.")
        _check_below(RELATION, edges[RELATION].flat_values, schemas.num_relations(schema))
    edge_sets = {FACT: edges} if names is None else _by_relation(edges, names)
    return _graph_tensor(nodes, edge_sets, flat)


def to_tensors(graph_tensor, schema=None, *, num_nodes=None, num_edges=None):
    """The dict of tensors that describes a graph, or a batch of graphs.

    Where there is one edge set a relation, edges come in the order of their relations; else in that
    of the graph. `to_tensors(from_tensors(tensors))` are the same tensors where padding comes last.

    Args:
        graph_tensor: `tfgnn.GraphTensor`: a scalar gives the flat form (components follow each
            other), one of shape `(batch,)` the padded form.
        schema: What `graph_schema` returned. None stands for one edge set.
        num_nodes: Width of the padded form; None is that of the largest graph.
        num_edges: The same for edges.

    Raises:
        ValueError: If the graph does not match the schema, or widths are given for a scalar.
        tf.errors.InvalidArgumentError: If an edge runs to a node that does not exist, or a graph is
            larger than the widths.
    """
    flat = _checked_rank(graph_tensor, num_nodes, num_edges) == 0
    names = None
    if schema is not None:
        names = schemas.relation_edge_sets(schema)
        schemas.check_graph(graph_tensor, schema)
    elif ENTITY not in graph_tensor.node_sets or FACT not in graph_tensor.edge_sets:
        raise ValueError(
            f"The graph must have a node set {ENTITY!r} and an edge set {FACT!r}. Received: "
            f"{sorted(graph_tensor.node_sets)} and {sorted(graph_tensor.edge_sets)}."
        )
    nodes = _rows(graph_tensor.node_sets[ENTITY][ID], flat)
    if names is None:
        edges = _edges(graph_tensor.edge_sets[FACT], flat)
    else:
        edges = _joined([_edges(graph_tensor.edge_sets[name], flat) for name in names])
    for end in ("source", "target"):
        owner = tf.cast(edges[end].value_rowids(), tf.int32)
        _checked_nodes(end, edges[end].flat_values, tf.gather(nodes.row_lengths(), owner))
    if flat:
        return {name: value.flat_values for name, value in {"entity": nodes, **edges}.items()}
    return {
        "entity": _padded("num_nodes", nodes, num_nodes),
        **{name: _padded("num_edges", value, num_edges) for name, value in edges.items()},
    }


def _checked(tensors):
    unknown = sorted(set(tensors) - set(_NAMES))
    missing = sorted(set(_NAMES[:3]) - set(tensors))
    if unknown or missing:
        raise ValueError(
            f"`tensors` must have the keys {', '.join(_NAMES)} ('relation' may be missing). "
            f"Received: {sorted(tensors)}."
        )
    tensors = {name: tf.convert_to_tensor(value) for name, value in tensors.items()}
    for name, value in tensors.items():
        if not value.dtype.is_integer:
            raise ValueError(f"`{name}` must hold integers. Received: dtype {value.dtype.name}.")
    tensors = {name: tf.cast(value, tf.int32) for name, value in tensors.items()}
    ranks = {name: value.shape.rank for name, value in tensors.items()}
    if set(ranks.values()) not in ({1}, {2}):
        raise ValueError(f"`tensors` must all be of rank 1, or all of rank 2. Received: {ranks}.")
    return tensors


def _without_padding(tensors):
    """Ragged nodes `(batch, (nodes))`, and a dict of ragged edges `(batch, (edges))`."""
    entity, edge = tensors["entity"], tensors["source"] >= 0
    node = entity >= 0
    position = tf.cumsum(tf.cast(node, tf.int32), axis=1, exclusive=True)
    position = tf.where(node, position, -1)
    width = tf.shape(entity)[1]
    edges = {}
    for name in set(_NAMES[1:]) & set(tensors):
        edges[name] = _ragged(tensors[name], edge)
        if name != RELATION:
            row = edges[name].value_rowids()
            end = edges[name].flat_values
            end = _checked_nodes(name, end, width)
            end = tf.gather_nd(position, tf.stack([tf.cast(row, tf.int32), end], axis=1))
            tf.debugging.assert_non_negative(
                end, f"`{name}` must be the position of a node, and names one that is padding."
            )
            edges[name] = edges[name].with_flat_values(end)
    return _ragged(entity, node), edges


def _ragged(values, mask):
    return tf.ragged.boolean_mask(values, mask).with_row_splits_dtype(tf.int32)


def _checked_nodes(name, ends, num_nodes):
    message = f"`{name}` must be the position of a node of its graph."
    checks = (
        tf.debugging.assert_non_negative(ends, message),
        tf.debugging.assert_less(ends, tf.cast(num_nodes, tf.int32), message),
    )
    # Else what is looked up by them may fail first, and say less.
    with tf.control_dependencies([check for check in checks if check is not None]):
        return tf.identity(ends)


def _check_below(name, ids, size):
    tf.debugging.assert_non_negative(ids, f"`{name}` must be an id.")
    tf.debugging.assert_less(ids, size, f"`{name}` must be an id of the vocabulary of the schema.")


def _by_relation(edges, names):
    """The edges of each relation by name, without the feature."""

    def of(i):
        mask = edges[RELATION] == i
        return {end: tf.ragged.boolean_mask(edges[end], mask) for end in ("source", "target")}

    return {name: of(i) for i, name in enumerate(names)}


def _graph_tensor(nodes, edge_sets, flat):
    tfgnn = tensorflow_gnn()

    def piece(value):
        return value.flat_values if flat else value

    def sizes(value):
        return tf.reshape(value.row_lengths(), [-1] if flat else [-1, 1])

    def edge_set(edges):
        features = {RELATION: piece(edges[RELATION])} if RELATION in edges else {}
        ends = [(ENTITY, piece(edges[end])) for end in ("source", "target")]
        return tfgnn.EdgeSet.from_fields(
            features=features,
            sizes=sizes(edges["source"]),
            adjacency=tfgnn.Adjacency.from_indices(*ends),
        )

    entities = tfgnn.NodeSet.from_fields(features={ID: piece(nodes)}, sizes=sizes(nodes))
    return tfgnn.GraphTensor.from_pieces(
        node_sets={ENTITY: entities},
        edge_sets={name: edge_set(edges) for name, edges in edge_sets.items()},
    )


def _checked_rank(graph_tensor, num_nodes, num_edges):
    rank = graph_tensor.rank
    if rank not in (0, 1):
        raise ValueError(f"The graph must be of rank 0 or 1. Received: rank {rank}.")
    for name, width in (("num_nodes", num_nodes), ("num_edges", num_edges)):
        if width is not None and rank == 0:
            raise ValueError(f"`{name}` must be None for one graph. {describe(width)}.")
        if width is not None:
            positive_int(name, width)
    return rank


def _rows(values, flat):
    """A feature as a ragged tensor `(batch, (items))`."""
    if isinstance(values, tf.RaggedTensor):
        return values.with_row_splits_dtype(tf.int32)
    values = values[tf.newaxis] if flat else values
    return tf.RaggedTensor.from_tensor(values, row_splits_dtype=tf.int32)


def _edges(edge_set, flat):
    ends = {"source": edge_set.adjacency.source, "target": edge_set.adjacency.target}
    if RELATION in edge_set.features:
        ends[RELATION] = edge_set[RELATION]
    return {name: _rows(value, flat) for name, value in ends.items()}


def _joined(edge_sets):
    """The edges of all relations in the order of their ids, with the feature."""
    relation = [
        edges["source"].with_flat_values(tf.fill(tf.shape(edges["source"].flat_values), i))
        for i, edges in enumerate(edge_sets)
    ]
    columns = {end: [edges[end] for edges in edge_sets] for end in ("source", "target")}
    return {
        name: tf.concat(values, axis=1) for name, values in {**columns, RELATION: relation}.items()
    }


def _padded(name, values, width):
    if width is not None:
        message = f"`{name}` must be at least the size of the largest graph."
        tf.debugging.assert_less_equal(values.row_lengths(), width, message)
    return values.to_tensor(-1, shape=[None, width])
