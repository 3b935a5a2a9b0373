"""The graph itself: what it checks, that nothing changes it, and how facts are found."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import kg
from tests.kg.graphs import FAMILY, drawn_graphs, family, labelled, random_graph


@pytest.mark.parametrize("again", [copy.deepcopy, lambda graph: pickle.loads(pickle.dumps(graph))])
def test_copies_are_equal_and_as_unchangeable(again):
    graph = family()
    index = graph.entity_index  # which cannot be copied
    other = again(graph)
    assert other == graph
    assert other.entity_index == index
    with pytest.raises(ValueError, match="read-only"):
        other.triples[0, 0] = 1


def test_vocabularies_are_in_the_order_first_seen():
    graph = family()
    assert graph.entities == ("anna", "bert", "cleo")
    assert graph.relations == ("parent_of", "sibling_of", "knows")
    np.testing.assert_array_equal(
        graph.triples, [[0, 0, 1], [0, 0, 2], [1, 1, 2], [2, 1, 1], [1, 2, 1]]
    )
    assert graph.triples.dtype == np.int32
    assert (graph.num_entities, graph.num_relations, graph.num_triples) == (3, 3, 5)
    assert len(graph) == 5
    assert graph.entity_index == {"anna": 0, "bert": 1, "cleo": 2}
    assert graph.relation_index["knows"] == 2
    assert labelled(graph) == list(FAMILY)
    assert repr(graph) == "KnowledgeGraph(3 entities, 3 relations, 5 facts)"


def test_a_given_vocabulary_is_kept_and_unknown_entries_are_named():
    entities = ("zoe", "bert", "anna", "cleo")
    graph = kg.KnowledgeGraph.from_triples(FAMILY, entities=entities)
    assert graph.entities == entities
    assert labelled(graph) == list(FAMILY)
    with pytest.raises(ValueError, match=r"Fact 3: the head must be in the vocabulary.*'cleo'"):
        kg.KnowledgeGraph.from_triples(FAMILY, entities=("anna", "bert"))
    with pytest.raises(ValueError, match=r"Fact 2: the relation must be.*'sibling_of'"):
        kg.KnowledgeGraph.from_triples(FAMILY, relations=("parent_of", "knows"))


def test_names_fall_back_to_identifiers():
    graph = dataclasses.replace(
        family(),
        entity_texts=kg.Texts(names=("Anna", "", "Cleo")),
        relation_texts=kg.Texts(names=("is parent of", "", "")),
    )
    assert [graph.entity_name(i) for i in range(3)] == ["Anna", "bert", "Cleo"]
    assert [graph.relation_name(i) for i in range(3)] == ["is parent of", "sibling_of", "knows"]
    assert family().entity_texts == kg.Texts.empty(3)


def test_nothing_in_a_graph_can_be_changed():
    given = np.array([[0, 0, 1]])
    graph = kg.KnowledgeGraph(["a", "b"], ["r"], given)
    given[0, 0] = 1
    assert graph.triples[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        graph.triples[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.entities = ("c", "d")
    with pytest.raises(TypeError, match="does not support item assignment"):
        graph.entity_index["c"] = 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(graph)


def test_equality_looks_at_everything():
    graph = family()
    assert graph == family()
    assert graph != "a graph"
    assert graph != graph.with_triples(graph.triples[:4])
    assert graph != dataclasses.replace(graph, entities=("anna", "bert", "carl"))
    assert graph != dataclasses.replace(graph, relations=("a", "b", "c"))
    texts = kg.Texts(names=("x", "y", "z"))
    assert graph != dataclasses.replace(graph, entity_texts=texts)
    assert graph != dataclasses.replace(graph, relation_texts=texts)


@pytest.mark.parametrize(
    ("triples", "message"),
    [
        ([[0, 0, 1], [0, 1, 0]], r"relation in row 1 of `triples` must lie in \[0, 1\).*: 1\."),
        ([[2, 0, 1]], r"head in row 0 of `triples` must lie in \[0, 2\).*: 2\."),
        ([[0, 0, -1]], r"tail in row 0 of `triples` must lie in \[0, 2\).*: -1\."),
        ([[0, 2**40, 1]], r"relation in row 0 .*1099511627776"),
        ([[0.0, 0.0, 1.0]], r"integer array of shape \(facts, 3\).*float64"),
        ([[0, 0]], r"integer array of shape \(facts, 3\).*\(1, 2\)"),
        ([0, 0, 1], r"integer array of shape \(facts, 3\).*\(3,\)"),
    ],
)
def test_wrong_triples_are_refused(triples, message):
    with pytest.raises(ValueError, match=message):
        kg.KnowledgeGraph(["a", "b"], ["r"], triples)


def test_a_graph_may_be_empty():
    graph = kg.KnowledgeGraph([], [], [])
    assert graph.triples.shape == (0, 3)
    assert graph == kg.KnowledgeGraph.from_triples([])


@pytest.mark.parametrize(
    ("entities", "relations", "message"),
    [
        (["a", "b", "a"], ["r"], r"`entities` must be unique.*'a' in rows 0 and 2"),
        (["a", "b"], ["r", "s", "s"], r"`relations` must be unique.*'s' in rows 1 and 2"),
        (["a", 3], ["r"], r"Row 1 of `entities` must be a string.*3 \(type int\)"),
        (["a", "b"], [" "], r"Row 0 of `relations` must be a string that is not blank"),
        ("ab", ["r"], r"`entities` must be a sequence of strings"),
    ],
)
def test_wrong_vocabularies_are_refused(entities, relations, message):
    with pytest.raises(ValueError, match=message):
        kg.KnowledgeGraph(entities, relations, [[0, 0, 1]])


def test_texts_must_be_as_long_as_the_vocabulary():
    with pytest.raises(ValueError, match=r"`entity_texts` must be `Texts` of 2 entries.*3 entries"):
        kg.KnowledgeGraph(["a", "b"], ["r"], [], entity_texts=kg.Texts.empty(3))
    with pytest.raises(ValueError, match=r"`relation_texts` must be `Texts` of 1 entries.*list"):
        kg.KnowledgeGraph(["a", "b"], ["r"], [], relation_texts=["r"])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), st.sampled_from(["out", "in", "both"]))
def test_facts_and_neighbours_are_those_a_scan_finds(seed, direction):
    graph = random_graph(seed, num_entities=12, num_triples=30)
    for entity in range(12):
        touching = [
            fact
            for fact in graph.triples.tolist()
            if (direction != "in" and fact[0] == entity)
            or (direction != "out" and fact[2] == entity)
        ]
        assert graph.facts_of(entity, direction).tolist() == touching
        other = {tail if head == entity else head for head, _, tail in touching}
        assert graph.neighbours(entity, direction).tolist() == sorted(other)


def test_directions_of_the_family():
    graph = family()
    assert graph.neighbours(0, "out").tolist() == [1, 2]
    assert graph.neighbours(0, "in").tolist() == []
    assert graph.neighbours(1, "in").tolist() == [0, 1, 2]
    assert graph.facts_of(1).tolist() == [[0, 0, 1], [1, 1, 2], [2, 1, 1], [1, 2, 1]]


def test_facts_of_refuses_what_there_is_not():
    with pytest.raises(ValueError, match="`direction` must be one of 'out', 'in', 'both'"):
        family().facts_of(0, "up")
    with pytest.raises(ValueError, match=r"`entity` must lie in \[0, 3\).*3"):
        family().neighbours(3)
    with pytest.raises(ValueError, match=r"`entity` must lie in \[0, 3\).*-1"):
        family().facts_of(-1)


@settings(deadline=None, max_examples=50)
@given(drawn_graphs())
def test_facts_as_identifiers_make_the_same_graph_again(graph):
    again = kg.KnowledgeGraph.from_triples(
        labelled(graph),
        entities=graph.entities,
        relations=graph.relations,
        entity_texts=graph.entity_texts,
        relation_texts=graph.relation_texts,
    )
    assert again == graph
