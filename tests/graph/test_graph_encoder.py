"""The whole graph as an encoder: its edges, what training leaves out, and what it refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import datasets, graph, kg, layers, models
from kgkeras.layers import EntityEmbedding, RelationEmbedding, TripleEmbedding
from tests import toy

DIM = 8


def _edges(facts, *arguments, **options):
    """Edges as sorted tuples (source, relation, target)."""
    edges = facts(*arguments, **options)
    columns = (edges[name].numpy().tolist() for name in ("source", "relation", "target"))
    return sorted(zip(*columns, strict=True))


def _told(triples, num_relations):
    """The same of triples, each of them both ways."""
    return sorted(
        edge
        for head, relation, tail in triples
        for edge in ((head, relation, tail), (tail, relation + num_relations, head))
    )


def _tables(rows=toy.NUM_ENTITIES, relations=2 * toy.NUM_RELATIONS, dim=DIM, seed=0):
    rng = np.random.default_rng(seed)
    return (
        tf.constant(rng.normal(size=(rows, dim)), "float32"),
        tf.constant(rng.normal(size=(relations, dim)), "float32"),
    )


facts_of_small_graphs = st.sets(
    st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=12
)


@settings(deadline=None, max_examples=30)
@given(told=facts_of_small_graphs, batch=facts_of_small_graphs, inverted=st.booleans())
def test_hides_the_facts_of_the_batch_both_ways(told, batch, inverted):
    facts = graph.FactEdges(4, 2, len(told), np.array(sorted(told)), hide_batch=True)
    asked = np.array([(t, r + 2, h) for h, r, t in batch] if inverted else sorted(batch))
    columns = tuple(tf.constant(asked, "int32")[:, i] for i in range(3))
    assert _edges(facts, columns, training=True) == _told(told - batch, 2)
    assert _edges(facts, columns, training=False) == _told(told, 2)
    assert _edges(facts, training=True) == _told(told, 2)


def test_hides_all_answers_of_queries():
    told = [(0, 0, 1), (0, 0, 2), (3, 1, 0), (2, 1, 2)]
    facts = graph.FactEdges(4, 2, 4, np.array(told), hide_batch=True)
    # The second query is for heads of (?, 1, 0); -1 fills up.
    queries = tf.constant([[0], [0]]), tf.constant([[0], [3]]), tf.constant([[2, 1], [3, -1]])
    assert _edges(facts, queries, training=True) == _told([(2, 1, 2)], 2)


def test_edges_come_in_the_order_that_layers_need_not_sort():
    facts = graph.FactEdges.from_graph(toy.graph(), dropout=0.3, seed=1)
    for training in (False, True):
        edges = {name: ids.numpy() for name, ids in facts(training=training).items()}
        order = np.lexsort((edges["source"], edges["target"], edges["relation"]))
        np.testing.assert_array_equal(order, np.arange(len(order)))


def test_dropout_takes_a_fact_and_its_inverse_and_is_seeded():
    triples = np.stack(np.meshgrid(range(50), range(2), range(50)), axis=-1).reshape(-1, 3)
    drawn = []
    for _ in range(2):
        facts = graph.FactEdges(50, 2, 5000, triples, dropout=0.4, seed=3)
        assert _edges(facts) == _told(triples.tolist(), 2)
        edges = _edges(facts, training=True)
        kept = [edge for edge in edges if edge[1] < 2]
        assert edges == _told(kept, 2)
        assert 0.57 < len(kept) / 5000 < 0.63  # four standard deviations
        drawn.append(edges)
    assert drawn[0] == drawn[1]
    assert drawn[0] != _edges(facts, training=True)


def test_takes_the_distinct_training_facts_of_splits(shared_data):
    splits = datasets.load(shared_data / "UMLS")
    encoder = graph.GraphEncoder.from_graph(splits, [])
    train = {tuple(fact) for fact in splits.train.triples.tolist()}
    assert _edges(encoder.facts) == _told(train, splits.num_relations)


def test_layers_get_all_edges_of_the_graph():
    told = toy.graph().with_inverses()
    head, relation, tail = told.triples.T
    edges = {"source": head, "target": tail, "relation": relation}
    convolutions = [
        graph.RelationalGraphConv(DIM, 6, num_bases=2, activation="tanh"),
        graph.CompGraphConv(5, "corr"),
        graph.GraphConv(4),
    ]
    encoder = graph.GraphEncoder.from_graph(toy.graph(), convolutions)
    assert (encoder.relation_dim(3), encoder.output_dim(3)) == (DIM, 4)
    entities, relations = _tables()
    found = encoder(entities, relations)
    first = convolutions[0](entities, edges)
    second, new_relations = convolutions[1](first, edges, relations)
    np.testing.assert_allclose(found[1], new_relations, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[0], convolutions[2](second, edges), rtol=1e-5, atol=1e-5)
    shapes = encoder.compute_output_shape((30, DIM), (6, DIM))
    assert shapes == tuple(matrix.shape for matrix in found) == ((30, 4), (6, 5))


def test_config_round_trip_keeps_all_but_the_facts():
    encoder = graph.GraphEncoder.from_graph(
        toy.graph(), [graph.CompGraphConv(DIM, "mult")], edge_dropout=0.1, hide_batch=True
    )
    encoder(*_tables())
    config = keras.saving.serialize_keras_object(encoder)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == encoder.get_config()
    again(*_tables())
    again.set_weights(encoder.get_weights())
    assert _edges(again.facts) == _edges(encoder.facts)
    assert len(encoder.trainable_variables) == 6
    assert {v.dtype for v in encoder.facts.non_trainable_variables[:2]} == {"int32"}


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (np.zeros((2, 2), int), r"integer array \(2, 3\)\. Received: shape \(2, 2\)"),
        (np.zeros((2, 3)), "dtype float64"),
        (np.array([[0, 0, 1], [0, 2, 1]]), r"relation of fact 1 must lie in \[0, 2\)"),
        (np.array([[0, 0, 1], [0, 0, -1]]), r"tail of fact 1 .* Received: -1"),
        (np.array([[0, 1, 2], [0, 1, 2]]), r"must be distinct\. Received: \(0, 1, 2\) twice"),
    ],
)
def test_wrong_facts(facts, message):
    with pytest.raises(ValueError, match=message):
        graph.FactEdges(4, 2, 2, facts)


def test_wrong_parts():
    facts = graph.FactEdges.from_graph(toy.graph())
    with pytest.raises(ValueError, match="`facts` must be FactEdges"):
        graph.GraphEncoder([], toy.graph())
    with pytest.raises(ValueError, match="`layers` must be MessagePassing layers"):
        graph.GraphEncoder([keras.layers.Dense(3)], facts)
    with pytest.raises(ValueError, match=r"6 relations, the inverses included.*num_relations=3"):
        graph.GraphEncoder([graph.RelationalGraphConv(DIM, 3)], facts)
    with pytest.raises(ValueError, match="must not have inverse relations already"):
        graph.GraphEncoder.from_graph(toy.graph().with_inverses(), [])
    with pytest.raises(ValueError, match="`dropout` must be a rate"):
        graph.GraphEncoder.from_graph(toy.graph(), [], edge_dropout=1.0)


@pytest.mark.parametrize(("entities", "relations"), [(29, 6), (30, 3)])
def test_tables_of_another_graph(entities, relations):
    encoder = graph.GraphEncoder.from_graph(toy.graph(), [graph.CompGraphConv(DIM)])
    tables = EntityEmbedding(entities, DIM), RelationEmbedding(relations, DIM)
    message = f"30 entities and 6 relations.*Received: vectors of {entities} entities and"
    with pytest.raises(ValueError, match=message):
        TripleEmbedding(*tables, encoder)
    with pytest.raises(ValueError, match=message):
        encoder(*_tables(entities, relations))
    with pytest.raises(ValueError, match="`encoder` must be a Keras layer or None"):
        TripleEmbedding(*tables, "rgcn")


def test_texts_do_not_read_encoded_tables():
    triples = TripleEmbedding.from_sizes(30, 6, DIM)
    triples.encoder = graph.GraphEncoder.from_graph(toy.graph(), [])
    with pytest.raises(ValueError, match="`triples` must have no encoder"):
        models.JointModel(
            toy.encoder(), layers.ClassificationHead(2), triples=triples, fusion=layers.SumFusion()
        )


def test_isolated_entities_are_encoded():
    lonely = kg.KnowledgeGraph(["a", "b", "c"], ["r"], np.array([[0, 0, 1]], "int32"))
    for layer in (graph.RelationalGraphConv(DIM, 2), graph.CompGraphConv(DIM)):
        encoder = graph.GraphEncoder.from_graph(lonely, [layer], hide_batch=True)
        tables = _tables(3, 2)
        fact = tuple(tf.constant([i]) for i in (0, 0, 1))
        for options in ({}, {"training": True, "facts": fact}):  # The second sees no edge at all.
            assert np.isfinite(encoder(*tables, **options)[0]).all()
