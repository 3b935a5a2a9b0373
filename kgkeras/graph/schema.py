"""The `GraphSchema` of a knowledge graph, and whether a `GraphTensor` follows it.

Entities are the node set `entity`, whose feature `id` holds their ids. Facts run from head to tail,
in one of two layouts: `"one"` edge set `fact` with a feature `relation`, or one edge set
`"per_relation"`, named by the relation's identifier.
"""

import tensorflow as tf

from kgkeras.checks import one_of
from kgkeras.graph.bridge import tensorflow_gnn

ENTITY, FACT = "entity", "fact"
ID, RELATION = "id", "relation"
# Keys of a set's metadata: a map has no order, so a relation's edge set holds its id.
_RELATION_ID, _NUM_RELATIONS = "relation_id", "num_relations"
_SET = 2  # Parts of the key of a set; that of a feature has three.


def graph_schema(graph, edge_sets="one"):
    """The schema of a graph, for TF-GNN's tools and our conversions.

    Args:
        graph: `kgkeras.kg.KnowledgeGraph`. Its vocabularies count, and the number of its facts.
        edge_sets: `"one"` or `"per_relation"`.

    Returns:
        `tfgnn.GraphSchema`.

    Raises:
        ValueError: If there is no such layout, or no relation to have an edge set.
    """
    one_of("edge_sets", edge_sets, ("one", "per_relation"))
    if edge_sets == "per_relation" and not graph.num_relations:
        raise ValueError("`graph` must have relations to have an edge set each. Received: none.")
    schema = tensorflow_gnn().GraphSchema()
    entities = schema.node_sets[ENTITY]
    entities.features[ID].dtype = tf.int32.as_datatype_enum
    entities.features[ID].shape.SetInParent()
    entities.metadata.cardinality = graph.num_entities
    if edge_sets == "one":
        facts = _edge_set(schema, FACT, graph.num_triples)
        facts.features[RELATION].dtype = tf.int32.as_datatype_enum
        facts.features[RELATION].shape.SetInParent()
        facts.metadata.extra.add(key=_NUM_RELATIONS, value=str(graph.num_relations))
        return schema
    for i, identifier in enumerate(graph.relations):
        facts = _edge_set(schema, identifier, int((graph.triples[:, 1] == i).sum()))
        facts.metadata.extra.add(key=_RELATION_ID, value=str(i))
    return schema


def _edge_set(schema, name, cardinality):
    edge_set = schema.edge_sets[name]
    edge_set.source = edge_set.target = ENTITY
    edge_set.metadata.cardinality = cardinality
    return edge_set


def num_entities(schema):
    """Number of entities in a schema's vocabulary."""
    return schema.node_sets[ENTITY].metadata.cardinality


def num_relations(schema):
    """Number of relations in a schema's vocabulary."""
    edge_sets = relation_edge_sets(schema)
    if edge_sets is not None:
        return len(edge_sets)
    return int(_extra(schema.edge_sets[FACT], _NUM_RELATIONS))


def relation_edge_sets(schema):
    """Names of the edge sets in the order of the relations' ids; None where there is but one.

    Raises:
        ValueError: If the schema is not one of `graph_schema`'s.
    """
    if [*schema.edge_sets] == [FACT] and _extra(schema.edge_sets[FACT], _NUM_RELATIONS):
        return None
    ids = {name: _extra(edge_set, _RELATION_ID) for name, edge_set in schema.edge_sets.items()}
    if [*schema.node_sets] != [ENTITY] or None in ids.values():
        raise ValueError(
            "The schema must be made by `graph_schema`: its metadata number the relations. "
            f"Received: node sets {sorted(schema.node_sets)}, edge sets {sorted(ids)}."
        )
    return sorted(ids, key=lambda name: int(ids[name]))


def _extra(edge_set, key):
    return next((pair.value for pair in edge_set.metadata.extra if pair.key == key), None)


def check_graph(graph_tensor, schema):
    """Raises a `ValueError` unless a graph holds what a schema says, and no other sets.

    More features may be there.

    Args:
        graph_tensor: `tfgnn.GraphTensor`.
        schema: `tfgnn.GraphSchema`.
    """
    wanted = _contents(tensorflow_gnn().create_graph_spec_from_schema_pb(schema))
    received = _contents(graph_tensor.spec)
    problems = [
        f"{_name(key)} must be {kind}, is {received.get(key, 'missing')}"
        for key, kind in wanted.items()
        if received.get(key) != kind
    ]
    problems += [
        f"{_name(key)} is not in the schema"
        for key in received
        if key not in wanted and len(key) == _SET
    ]
    if problems:
        raise ValueError(f"The graph does not match the schema: {'; '.join(problems)}.")


def _contents(spec):
    """What is in a graph: the kind of each set, and the dtype of each of its features."""
    contents = {}
    for name, nodes in spec.node_sets_spec.items():
        contents["node set", name] = "one of nodes"
        contents |= {("node set", name, k): v.dtype.name for k, v in nodes.features_spec.items()}
    for name, edges in spec.edge_sets_spec.items():
        ends = edges.adjacency_spec
        contents["edge set", name] = f"one from {ends.source_name!r} to {ends.target_name!r}"
        contents |= {("edge set", name, k): v.dtype.name for k, v in edges.features_spec.items()}
    return contents


def _name(key):
    piece, name, *feature = key
    return f"the {piece} {name!r}" if not feature else f"{feature[0]!r} of the {piece} {name!r}"
