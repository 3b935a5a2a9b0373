"""The facts around the entities that texts mention."""

import time

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from kgkeras import datasets, kg
from kgkeras.pipelines import TaskSubgraph

# 0 - 1 - 2 - 3 in a row, 4 with many, 9 alone.
FACTS = [(0, 0, 1), (2, 1, 1), (2, 0, 3), *((4, 0, i) for i in (5, 6, 7, 8)), (4, 1, 4)]


@pytest.fixture
def graph():
    return kg.KnowledgeGraph([f"e{i}" for i in range(10)], ["r", "s"], np.array(FACTS))


def facts(part):
    return [tuple(fact) for fact in part.graph.triples.tolist()]


def test_hops_go_both_ways(graph):
    part = TaskSubgraph.around(graph, [[0, -1], [-1, 0]])
    assert facts(part) == [(0, 0, 1)]
    assert part.mentioned.tolist() == [0]
    assert part.hops.tolist() == [0, 1] + [-1] * 8
    part = TaskSubgraph.around(graph, [0], hops=2)
    assert facts(part) == [(0, 0, 1), (2, 1, 1)]
    part = TaskSubgraph.around(graph, [0], hops=9)
    assert facts(part) == FACTS[:3]
    assert part.hops.tolist() == [0, 1, 2, 3] + [-1] * 6
    assert part.graph.entities == graph.entities


def test_no_mention_no_fact(graph):
    part = TaskSubgraph.around(graph, np.full((2, 3), -1))
    assert not facts(part)
    assert part.compact()[0].num_entities == 0
    assert TaskSubgraph.around(graph, [9]).hops[9] == 0


def test_a_degree_is_capped(graph):
    part = TaskSubgraph.around(graph, [4], max_degree=2)
    assert len(set(facts(part)) & set(FACTS[3:])) == len(facts(part)) <= 2
    drawn = {tuple(facts(TaskSubgraph.around(graph, [4], max_degree=2, seed=s))) for s in range(9)}
    assert len(drawn) > 3
    # Entity 4 brings two of its own, and the others theirs.
    part = TaskSubgraph.around(graph, [4, 5, 6, 7, 8], max_degree=2)
    assert set(FACTS[3:7]) <= set(facts(part))


def test_the_nearest_facts_fill_the_room(graph):
    part = TaskSubgraph.around(graph, [0, 4], hops=3, max_facts=7)
    assert len(facts(part)) == 7
    assert set(facts(part)) == {FACTS[0], FACTS[1], *FACTS[3:]}
    part = TaskSubgraph.around(graph, [0, 4], hops=3, max_facts=4)
    assert set(facts(part)) <= {FACTS[0], *FACTS[3:]}
    assert len(facts(part)) == 4
    assert part.hops[2] == -1


def test_compact(graph):
    part = TaskSubgraph.around(graph, [3, 9], hops=2)
    small, ids = part.compact()
    assert small.entities == ("e1", "e2", "e3", "e9")
    assert ids.tolist() == [-1, 0, 1, 2, -1, -1, -1, -1, -1, 3]
    assert small.relations == graph.relations
    assert small.triples.tolist() == [[1, 1, 0], [1, 0, 2]]


@hypothesis.settings(deadline=None, max_examples=40)
@hypothesis.given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 4))
def test_as_found_one_by_one(seed, hops, max_degree):
    rng = np.random.default_rng(seed)
    triples = rng.integers(0, [12, 2, 12], (20, 3))
    graph = kg.KnowledgeGraph([f"e{i}" for i in range(12)], ["r", "s"], triples)
    part = TaskSubgraph.around(graph, rng.integers(-1, 12, 3), hops=hops)
    near = {int(i): 0 for i in part.mentioned}
    wanted = set()
    for hop in range(hops):
        for row, (head, _, tail) in enumerate(triples.tolist()):
            if near.get(head) == hop or near.get(tail) == hop:
                wanted.add(row)
        for row in wanted:
            for end in triples[row, [0, 2]].tolist():
                near.setdefault(end, hop + 1)
    np.testing.assert_array_equal(part.graph.triples, triples[sorted(wanted)])
    assert {i: int(h) for i, h in enumerate(part.hops) if h >= 0} == near
    capped = TaskSubgraph.around(graph, part.mentioned, hops=hops, max_degree=max_degree, seed=seed)
    assert capped.graph.num_triples <= part.graph.num_triples
    first = capped.graph.triples
    if hops == 1:
        assert len(first) <= max_degree * len(part.mentioned)
    # Whoever was reached has a fact to show for it, and no nearer one than the hop before.
    for i in np.flatnonzero(capped.hops > 0):
        rows = first[(first[:, 0] == i) | (first[:, 2] == i)]
        others = np.where(rows[:, 0] == i, rows[:, 2], rows[:, 0])
        assert capped.hops[i] - 1 in capped.hops[others]


def test_a_large_graph_takes_no_time(shared_data, monkeypatch):
    monkeypatch.setenv("KGKERAS_DATA", str(shared_data))
    graph = datasets.load("FB15k-237").train
    start = time.process_time()
    part = TaskSubgraph.around(
        graph, np.arange(0, 14000, 20), hops=2, max_degree=50, max_facts=100_000
    )
    assert time.process_time() - start < 2
    assert 50_000 < part.graph.num_triples <= 100_000


@pytest.mark.parametrize(
    ("entities", "options", "message"),
    [
        ([10], {}, r"`entities` must lie below 10, the graph's number of entities. Received: 10"),
        ([0.5], {}, "`entities` must be integers"),
        ([0], {"hops": 0}, "`hops` must be a positive integer"),
        ([0], {"max_degree": 0}, "`max_degree` must be a positive integer"),
        ([0], {"max_facts": -1}, "`max_facts` must be a positive integer"),
    ],
)
def test_bad_arguments(graph, entities, options, message):
    with pytest.raises(ValueError, match=message):
        TaskSubgraph.around(graph, entities, **options)
