import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import graph as rooms
from kgkeras import kg

VOCABULARY = kg.KnowledgeGraph(
    [f"e{i}" for i in range(9)], ["a.b", "/of/it", "r 2"], np.array([[0, 0, 1]])
)
LAYOUTS = ["one", "per_relation"]
laws = settings(deadline=None, max_examples=25)


def _knowledge(facts):
    return VOCABULARY.with_triples(np.array(facts, dtype="int32").reshape(-1, 3))


FACTS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2), st.integers(0, 8)), max_size=12)
GRAPHS = FACTS.map(_knowledge)


@st.composite
def tensors(draw, flat=False, relation=True):
    """The flat or the padded form; padding comes last."""
    sizes = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=3))
    sizes = [(3, 4)] if flat else sizes
    # Edges need nodes.
    sizes = [(nodes, edges if nodes else 0) for nodes, edges in sizes]
    extra = (0, 0) if flat else draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    width = [max((size[i] for size in sizes), default=0) + extra[i] for i in range(2)]
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    result = {"entity": np.full((len(sizes), width[0]), -1, "int32")}
    names = ("source", "target", "relation") if relation else ("source", "target")
    result |= {name: np.full((len(sizes), width[1]), -1, "int32") for name in names}
    for row, (nodes, edges) in enumerate(sizes):
        result["entity"][row, :nodes] = rng.integers(0, 9, nodes)
        for name in names:
            result[name][row, :edges] = rng.integers(0, 3 if name == "relation" else nodes, edges)
    return {name: value[0] if flat else value for name, value in result.items()}


def _assert_same(received, wanted):
    assert received.keys() == wanted.keys()
    for name, value in wanted.items():
        assert received[name].dtype == "int32"
        np.testing.assert_array_equal(received[name], value, name)


@laws
@given(GRAPHS)
def test_a_knowledge_graph_comes_back(graph):
    assert rooms.to_knowledge_graph(rooms.from_knowledge_graph(graph), graph) == graph
    by_relation = rooms.from_knowledge_graph(graph, "per_relation")
    assert by_relation.edge_sets.keys() == set(graph.relations)
    order = np.argsort(graph.triples[:, 1], kind="stable")
    back = rooms.to_knowledge_graph(by_relation, graph, "per_relation")
    assert back == graph.with_triples(graph.triples[order])


@laws
@given(tensors(flat=True) | tensors() | tensors(relation=False))
def test_tensors_come_back(value):
    graph = rooms.from_tensors(value)
    assert graph.rank == value["entity"].ndim - 1
    if graph.rank == 0:
        _assert_same(rooms.to_tensors(graph), value)
        return
    widths = [max(value[name].shape[1], 1) for name in ("entity", "source")]
    back = rooms.to_tensors(graph, num_nodes=widths[0], num_edges=widths[1])
    for name, column in back.items():
        width = value[name].shape[1]
        np.testing.assert_array_equal(column[:, :width], value[name])
        assert (column[:, width:].numpy() == -1).all()
    # Without widths the form is as narrow as can be.
    narrow = rooms.to_tensors(graph)
    _assert_same(rooms.to_tensors(rooms.from_tensors(narrow)), narrow)
    for name in ("entity", "source"):
        assert not narrow[name].shape[1] or (narrow[name][:, -1].numpy() >= 0).any()


@laws
@given(tensors())
def test_edge_sets_per_relation_hold_the_same_edges(value):
    schema = rooms.graph_schema(VOCABULARY, "per_relation")
    back = rooms.to_tensors(rooms.from_tensors(value, schema), schema)
    for row in range(len(value["entity"])):
        edges, wanted = (
            np.stack([v["relation"][row], v["source"][row], v["target"][row]], 1)
            for v in (back, value)
        )
        wanted, edges = wanted[wanted[:, 1] >= 0], edges[edges[:, 1] >= 0]
        order = np.argsort(wanted[:, 0], kind="stable")
        np.testing.assert_array_equal(edges, wanted[order])


@laws
@given(tensors(), st.randoms())
def test_padding_may_be_anywhere(value, random):
    """Nodes and edges between which there is padding make the same graph."""
    spread = {"entity": np.full((len(value["entity"]), 9), -1, "int32")}
    for name in ("source", "target", "relation"):
        spread[name] = np.full((len(value[name]), 12), -1, "int32")
    for row in range(len(value["entity"])):
        nodes, edges = (value[name][row][value[name][row] >= 0] for name in ("entity", "source"))
        place = np.array(sorted(random.sample(range(9), len(nodes))), "int32")
        where = np.array(sorted(random.sample(range(12), len(edges))), "int32")
        spread["entity"][row, place] = nodes
        for name in ("source", "target", "relation"):
            column = value[name][row][: len(edges)]
            spread[name][row, where] = column if name == "relation" else place[column]
    wanted = rooms.to_tensors(rooms.from_tensors(value))
    _assert_same(rooms.to_tensors(rooms.from_tensors(spread)), wanted)


@laws
@given(st.lists(GRAPHS, min_size=1, max_size=3), st.sampled_from(LAYOUTS))
def test_examples_come_back(graphs, layout):
    schema = rooms.graph_schema(VOCABULARY, layout)
    written = [rooms.from_knowledge_graph(graph, layout) for graph in graphs]
    examples = [rooms.to_example(graph, schema).SerializeToString() for graph in written]
    read = rooms.to_tensors(rooms.parse_examples(tf.constant(examples), schema), schema)
    for row, graph in enumerate(written):
        for name, wanted in rooms.to_tensors(graph, schema).items():
            received = read[name][row].numpy()
            np.testing.assert_array_equal(received[: len(wanted)], wanted)
            assert (received[len(wanted) :] == -1).all()


def test_everything_works_in_a_pipeline():
    schema = rooms.graph_schema(VOCABULARY)
    graph = _knowledge([(0, 0, 1), (4, 2, 4)])
    example = rooms.to_example(rooms.from_knowledge_graph(graph), schema).SerializeToString()

    def read(serialized):
        batch = rooms.to_tensors(rooms.parse_examples(serialized, schema), schema, num_nodes=12)
        return rooms.to_tensors(rooms.from_tensors(batch, schema), num_nodes=12, num_edges=3)

    dataset = tf.data.Dataset.from_tensors(example).repeat(3).batch(3).map(read)
    batch = next(dataset.as_numpy_iterator())
    assert dataset.element_spec["entity"].shape.as_list() == [None, 12]
    np.testing.assert_array_equal(batch["source"], [[0, 4, -1]] * 3)
    np.testing.assert_array_equal(batch["relation"], [[0, 2, -1]] * 3)
    np.testing.assert_array_equal(batch["entity"], [[*range(9), -1, -1, -1]] * 3)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_schema_is_tfgnn_s_and_survives_text(layout):
    tfgnn = rooms.tensorflow_gnn()
    schema = rooms.graph_schema(VOCABULARY, layout)
    tfgnn.validate_schema(schema)
    assert schema.node_sets["entity"].metadata.cardinality == 9
    text = text_format.Parse(text_format.MessageToString(schema), tfgnn.GraphSchema())
    graph = rooms.from_knowledge_graph(VOCABULARY, layout)
    rooms.check_graph(graph, text)
    _assert_same(rooms.to_tensors(graph, text), rooms.to_tensors(graph, schema))


def _graph(node_set="entity", edge_set="fact", dtype="int32", source=0):
    tfgnn = rooms.tensorflow_gnn()
    ends = ((node_set, tf.constant([source])), (node_set, tf.constant([1])))
    return tfgnn.GraphTensor.from_pieces(
        node_sets={
            node_set: tfgnn.NodeSet.from_fields(
                sizes=tf.constant([2]), features={"id": tf.range(2)}
            )
        },
        edge_sets={
            edge_set: tfgnn.EdgeSet.from_fields(
                sizes=tf.constant([1]),
                adjacency=tfgnn.Adjacency.from_indices(*ends),
                features={"relation": tf.zeros([1], dtype)},
            )
        },
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"node_set": "thing"}, "the node set 'entity' must be one of nodes, is missing"),
        ({"node_set": "thing"}, "the node set 'thing' is not in the schema"),
        ({"node_set": "thing"}, "must be one from 'entity' to 'entity', is one from 'thing' to"),
        ({"edge_set": "claim"}, "the edge set 'claim' is not in the schema"),
        ({"dtype": "float32"}, "'relation' of the edge set 'fact' must be int32, is float32"),
    ],
)
def test_a_graph_that_does_not_match_the_schema(arguments, problem):
    graph, schema = _graph(**arguments), rooms.graph_schema(VOCABULARY)
    for refuse in (rooms.check_graph, rooms.to_tensors, rooms.to_example):
        with pytest.raises(ValueError, match=f"does not match the schema: .*{problem}"):
            refuse(graph, schema)


def test_more_features_may_be_there():
    schema = rooms.graph_schema(VOCABULARY)
    del schema.edge_sets["fact"].features["relation"]
    rooms.check_graph(_graph(), schema)


def test_examples_of_another_schema():
    one = rooms.to_example(_graph(), rooms.graph_schema(VOCABULARY)).SerializeToString()
    for bad in (one, tf.train.Example().SerializeToString()):
        with pytest.raises(tf.errors.InvalidArgumentError, match="must hold 'edges/"):
            rooms.parse_examples([bad], rooms.graph_schema(VOCABULARY, "per_relation"))


def _tensors(**changes):
    value = {"entity": [[3, 4, -1]], "source": [[0, -1]], "target": [[1, -1]]}
    value |= {"relation": [[2, -1]], **changes}
    return {name: np.array(v, "int32") for name, v in value.items()}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"source": [[3, -1]]}, "`source` must be the position of a node of its graph"),
        ({"target": [[3, -1]]}, "`target` must be the position of a node of its graph"),
        ({"target": [[-1, -1]]}, "`target` must be the position of a node of its graph"),
        ({"target": [[2, -1]]}, "`target` must be the position of a node, and names one that"),
        ({"entity": [[3, 9, -1]]}, "`entity` must be an id of the vocabulary of the schema"),
        ({"relation": [[3, -1]]}, "`relation` must be an id of the vocabulary of the schema"),
        ({"relation": [[-1, -1]]}, "`relation` must be an id"),
    ],
)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("traced", [False, True])
def test_nodes_and_ids_that_do_not_exist(changes, problem, layout, traced):
    schema = rooms.graph_schema(VOCABULARY, layout)
    convert = lambda value: rooms.to_tensors(rooms.from_tensors(value, schema), schema)  # noqa: E731
    convert = tf.function(convert) if traced else convert
    with pytest.raises(tf.errors.InvalidArgumentError, match=problem):
        convert(_tensors(**changes))


@pytest.mark.parametrize("source", [2, -1])
def test_a_graph_tensor_whose_edge_has_no_node(source):
    message = "`source` must be the position of a node of its graph"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        rooms.to_tensors(_graph(source=source))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        rooms.to_knowledge_graph(_graph(source=source), VOCABULARY)


def test_tensors_of_a_wrong_form():
    with pytest.raises(ValueError, match=r"must have the keys .* Received: .*'weight'"):
        rooms.from_tensors(_tensors(weight=[[1]]))
    without = {name: value for name, value in _tensors().items() if name != "target"}
    with pytest.raises(ValueError, match="must have the keys entity, source, target, relation"):
        rooms.from_tensors(without)
    with pytest.raises(ValueError, match="`entity` must hold integers"):
        rooms.from_tensors({**_tensors(), "entity": tf.constant([[0.5]])})
    with pytest.raises(ValueError, match="must all be of rank 1, or all of rank 2"):
        rooms.from_tensors(_tensors(source=[0]))
    without = {name: value for name, value in _tensors().items() if name != "relation"}
    with pytest.raises(ValueError, match="must have the key 'relation'"):
        rooms.from_tensors(without, rooms.graph_schema(VOCABULARY))


def test_widths_and_ranks():
    graph, batch = _graph(), rooms.from_tensors(_tensors())
    with pytest.raises(ValueError, match="`num_edges` must be None for one graph"):
        rooms.to_tensors(graph, num_edges=3)
    with pytest.raises(ValueError, match="`num_nodes` must be a positive integer"):
        rooms.to_tensors(batch, num_nodes=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`num_nodes` must be at least"):
        rooms.to_tensors(batch, num_nodes=1)
    with pytest.raises(ValueError, match="must be one graph"):
        rooms.to_knowledge_graph(batch, VOCABULARY)
    with pytest.raises(ValueError, match="must have a node set 'entity' and an edge set 'fact'"):
        rooms.to_tensors(_graph(edge_set="claim"))
    square = tf.data.Dataset.from_tensors(batch).repeat(2).batch(2).get_single_element()
    assert square.rank == 2
    with pytest.raises(ValueError, match="must be of rank 0 or 1"):
        rooms.to_tensors(square)


def test_schemas_that_are_refused():
    with pytest.raises(ValueError, match="`edge_sets` must be one of 'one', 'per_relation'"):
        rooms.graph_schema(VOCABULARY, "two")
    empty = kg.KnowledgeGraph(["e"], [], np.zeros((0, 3), "int32"))
    with pytest.raises(ValueError, match="must have relations"):
        rooms.graph_schema(empty, "per_relation")
    schema = rooms.graph_schema(VOCABULARY, "per_relation")
    schema.edge_sets["r 2"].ClearField("metadata")
    with pytest.raises(ValueError, match="must be made by `graph_schema`"):
        rooms.from_tensors(_tensors(), schema)
