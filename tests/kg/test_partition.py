"""Subgraphs, the shuffled control and random splits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import kg
from tests.kg.graphs import FAMILY, family, labelled, random_graph

seeds = st.integers(0, 10_000)


def test_a_subgraph_keeps_the_facts_among_its_entities():
    graph = family().subgraph([2, 1])
    assert labelled(graph) == list(FAMILY[2:])
    assert graph.entities == family().entities
    assert graph.relations == family().relations


def test_a_compact_subgraph_keeps_no_more_than_it_needs():
    texts = kg.Texts(names=("A", "B", "C"))
    whole = kg.KnowledgeGraph.from_triples(FAMILY, entity_texts=texts, relation_texts=texts)
    graph = whole.subgraph([2, 1], compact=True)
    assert graph.entities == ("bert", "cleo")
    assert graph.relations == ("sibling_of", "knows")
    assert graph.entity_texts.names == ("B", "C")
    assert graph.relation_texts.names == ("B", "C")
    assert labelled(graph) == list(FAMILY[2:])


@settings(deadline=None, max_examples=30)
@given(seeds, st.sets(st.integers(0, 19)))
def test_compact_or_not_the_facts_are_the_same(seed, entities):
    graph = random_graph(seed)
    kept = labelled(graph.subgraph(sorted(entities)))
    inside = {graph.entities[i] for i in entities}
    assert kept == [fact for fact in labelled(graph) if {fact[0], fact[2]} <= inside]
    assert labelled(graph.subgraph(sorted(entities), compact=True)) == kept


def test_a_subgraph_of_all_entities_is_the_graph():
    graph = random_graph(3)
    assert graph.subgraph(range(graph.num_entities)) == graph


@pytest.mark.parametrize("wrong", [[0, 3], [-1]])
def test_subgraphs_of_unknown_entities_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"`entities` must lie in \[0, 3\).*{wrong[-1]}"):
        family().subgraph(wrong)


@pytest.mark.parametrize("wrong", [[True, False, True], [0.5], [[0]]])
def test_subgraphs_want_ids(wrong):
    with pytest.raises(ValueError, match="`entities` must be a vector of ids"):
        family().subgraph(wrong)


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_shuffling_permutes_entities_within_their_type(seed):
    types = ("city", "city", "river", "") * 5
    graph = random_graph(seed, types=types)
    other = graph.shuffled(seed)
    before, after = graph.triples[:, [0, 2]].ravel(), other.triples[:, [0, 2]].ravel()
    takes_over = dict(zip(before.tolist(), after.tolist(), strict=True))
    # One entity each: a function, and one that no two entities share.
    assert all(takes_over[b] == a for b, a in zip(before.tolist(), after.tolist(), strict=True))
    assert len(set(takes_over.values())) == len(takes_over)
    assert all(types[a] == types[b] for b, a in takes_over.items())
    np.testing.assert_array_equal(graph.triples[:, 1], other.triples[:, 1])
    assert other.entities == graph.entities
    assert other.entity_texts == graph.entity_texts


def test_shuffling_moves_most_entities_and_follows_its_seed():
    graph = random_graph(0, num_entities=200, num_triples=400)
    moved = (graph.triples[:, 0] != graph.shuffled(1).triples[:, 0]).mean()
    assert moved > 0.9
    assert graph.shuffled(1) == graph.shuffled(1)
    assert graph.shuffled(1) != graph.shuffled(2)


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_a_split_deals_out_each_distinct_fact_once(seed):
    graph = random_graph(seed)
    splits = graph.split(valid=0.2, test=0.1, seed=seed)
    distinct = sorted(set(map(tuple, graph.triples.tolist())))
    assert sorted(map(tuple, splits.triples.tolist())) == distinct
    assert len(splits.valid) == round(0.2 * len(distinct))
    assert len(splits.test) == round(0.1 * len(distinct))
    report = splits.report()
    assert report.valid.unseen_entities == report.test.unseen_entities == 0
    assert report.valid.unseen_relations == report.test.unseen_relations == 0
    assert report.valid.leaked == report.test.leaked == report.train.duplicates == 0


@settings(deadline=None, max_examples=30)
@given(seeds, st.sampled_from([0.0, 0.1, 0.25]), st.sampled_from([0.05, 0.3]))
def test_a_fact_and_its_reverse_stay_together(seed, valid, test):
    graph = random_graph(seed, num_entities=8, num_triples=120)  # a third has its reverse
    assert graph.split(valid=0, test=0).report().train.triples > 60
    splits = graph.split(valid=valid, test=test, seed=seed)
    report = splits.report()
    assert report.valid.leaked_reversed == report.test.leaked_reversed == 0
    num_facts = len(splits.triples)
    assert round(num_facts * test) - len(splits.test) in (0, 1)
    assert round(num_facts * valid) - len(splits.valid) in (0, 1)


def test_a_symmetric_relation_does_not_leak():
    pairs = [(f"e{i}", "married_to", f"e{j}") for i in range(20) for j in range(i)]
    graph = kg.KnowledgeGraph.from_triples(pairs + [(t, r, h) for h, r, t in pairs])
    splits = graph.split(valid=0.1, test=0.1)
    assert (len(splits.valid), len(splits.test)) == (38, 38)
    report = splits.report()
    assert report.valid.leaked_reversed == report.test.leaked_reversed == 0
    assert report.valid.leaked_pairs == report.test.leaked_pairs == 0
    assert len(graph.split(valid=0, test=21 / 380).test) == 20  # no room for half a pair


def test_inverses_come_after_the_split():
    with pytest.raises(ValueError, match=r"split first, then `with_inverses\(\)`.*_inverse'"):
        family().with_inverses().split()
    splits = random_graph(0).split(valid=0.2, test=0.2).with_inverses()
    assert splits.report().test.leaked_reversed == 0


def test_rare_relations_stay_in_train():
    graph = random_graph(5, num_entities=4, num_relations=30, num_triples=60)
    report = graph.split(valid=0.2, test=0.2).report()
    assert report.valid.unseen_relations == report.test.unseen_relations == 0
    assert report.valid.unseen_entities == report.test.unseen_entities == 0


def test_a_split_is_random_and_follows_its_seed():
    graph = random_graph(0, num_entities=50, num_triples=2000)
    assert graph.split(seed=3) == graph.split(seed=3)
    assert graph.split(seed=3) != graph.split(seed=4)
    # Not the first or last facts: those of test come from everywhere.
    index = {fact: row for row, fact in enumerate(map(tuple, np.unique(graph.triples, axis=0)))}
    rows = [index[fact] for fact in map(tuple, graph.split().test.triples)]
    assert 0.4 < np.mean(rows) / len(index) < 0.6


def test_where_facts_are_too_few_the_sizes_hold():
    chain = kg.KnowledgeGraph.from_triples([(f"e{i}", "r", f"e{i + 1}") for i in range(10)])
    splits = chain.split(valid=0.3, test=0.3)
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (4, 3, 3)


@pytest.mark.parametrize(("valid", "test"), [(0.6, 0.4), (0.9, 0.3)])
def test_shares_must_leave_something(valid, test):
    with pytest.raises(ValueError, match="must leave facts to train on"):
        family().split(valid=valid, test=test)


def test_shares_must_be_rates():
    with pytest.raises(ValueError, match=r"`valid` must be a rate in \[0, 1\)"):
        family().split(valid=2)
    with pytest.raises(ValueError, match=r"`test` must be a rate in \[0, 1\)"):
        family().split(test=-0.1)
