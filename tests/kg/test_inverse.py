"""Inverse relations: each fact twice, never four times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgkeras import kg
from tests.kg.graphs import FAMILY, family, labelled


def test_each_fact_is_also_told_from_its_tail():
    graph = family().with_inverses()
    assert graph.num_relations == 6
    assert labelled(graph)[:5] == list(FAMILY)
    assert labelled(graph)[5:] == [(t, f"{r}_inverse", h) for h, r, t in FAMILY]
    assert kg.has_inverses(graph)
    assert not kg.has_inverses(family())


def test_texts_come_along():
    texts = kg.Texts(("parent", "", ""), ("has a child", "", ""), (("mother",), (), ()))
    graph = kg.KnowledgeGraph.from_triples(FAMILY, relation_texts=texts).with_inverses()
    assert graph.relation_texts.names == ("parent", "", "", "inverse of parent", "", "")
    assert graph.relation_texts.descriptions[3] == "has a child"
    assert graph.relation_texts.aliases == (("mother",), (), (), (), (), ())
    assert graph.relation_name(4) == "sibling_of_inverse"
    assert graph.entity_texts == family().entity_texts


def test_inverses_are_refused_twice():
    with pytest.raises(ValueError, match="must not have inverse relations already"):
        family().with_inverses().with_inverses()


def test_a_graph_without_relations_has_none():
    graph = kg.KnowledgeGraph(["a"], [], [])
    assert graph.with_inverses() == graph


@given(st.integers(1, 50), st.integers(0, 99))
def test_the_inverse_of_the_inverse_is_the_relation(num_relations, relation):
    relation %= 2 * num_relations
    other = kg.inverse_relation(relation, num_relations)
    assert abs(other - relation) == num_relations
    assert 0 <= other < 2 * num_relations
    assert kg.inverse_relation(other, num_relations) == relation


def test_arrays_of_relations_keep_their_shape():
    ids = np.array([[0, 2], [3, 5]], dtype="int32")
    np.testing.assert_array_equal(kg.inverse_relation(ids, 3), [[3, 5], [0, 2]])
