import collections
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras.pipelines.incidence import Incidence
from kgkeras.pipelines.row_numbering import RowNumbering
from kgkeras.pipelines.subgraphs import SubgraphSampler, subgraph_batches
from tests.pipelines import graphs

laws = settings(deadline=None, max_examples=30)
SEEDS = st.lists(st.lists(st.integers(-1, 6), min_size=3, max_size=3), min_size=1, max_size=4)
WIDE = {"fan_out": None, "max_nodes": 8, "max_edges": 64}


def _sampled(graph, seeds, dropped=None, seed=(0, 1), **arguments):
    sampler = SubgraphSampler(graph, **{**WIDE, **arguments})
    dropped = None if dropped is None else np.array(dropped, "int32").reshape(-1, 3)
    batch = sampler(np.array(seeds, "int32"), seed, dropped)
    return {name: value.numpy() for name, value in batch.items()}


def rows(batch):
    """Each row's entities, and its edges as triples of entities, in their order."""
    for entity, *edges in zip(
        *(batch[name] for name in ("entity", "source", "relation", "target")), strict=True
    ):
        count = (entity >= 0).sum()
        assert (entity[count:] == -1).all()
        edges = np.stack(edges, axis=1)
        facts = (edges[:, 0] >= 0).sum()
        assert (edges[facts:] == -1).all()
        edges = edges[:facts]
        assert (edges >= 0).all()
        assert (edges[:, [0, 2]] < count).all()
        edges[:, [0, 2]] = entity[edges[:, [0, 2]]]
        yield entity[:count].tolist(), [tuple(edge) for edge in edges.tolist()]


def reference(graph, seeds, hops, dropped=None):
    """Distance of each entity within reach, and the facts that touch one on the way."""
    facts = {tuple(fact) for fact in graph.triples.tolist()} - {dropped}
    distance = dict.fromkeys((seed for seed in seeds if seed >= 0), 0)
    taken = set()
    for hop in range(hops):
        near = {entity for entity, far in distance.items() if far == hop}
        touched = {fact for fact in facts if {fact[0], fact[2]} & near}
        taken |= touched
        for fact in touched:
            for end in (fact[0], fact[2]):
                distance.setdefault(end, hop + 1)
    return distance, taken


def assert_complete(batch, graph, seeds, hops, dropped=None):
    """The batch holds what there is within reach, each once, from near to far."""
    for row, (entities, edges) in enumerate(rows(batch)):
        triple = None if dropped is None else tuple(dropped[row])
        distance, facts = reference(graph, seeds[row], hops, triple)
        assert sorted(entities) == sorted(distance)
        assert [distance[e] for e in entities] == sorted(distance.values())
        inverse = {(t, r + graph.num_relations, h) for h, r, t in facts}
        assert collections.Counter(edges) == collections.Counter(facts | inverse)
        # Each inverse follows its fact.
        assert edges[1::2] == [(t, r + graph.num_relations, h) for h, r, t in edges[::2]]
        known = [s for s in dict.fromkeys(seeds[row]) if s >= 0]
        assert entities[: len(known)] == known
        wanted = [entities.index(s) if s >= 0 else -1 for s in seeds[row]]
        assert batch["seed_node"][row].tolist() == wanted


@laws
@given(graphs.FACTS, SEEDS, st.integers(1, 3))
def test_all_within_reach_is_there(facts, seeds, hops):
    graph = graphs.graph(facts)
    assert_complete(_sampled(graph, seeds, hops=hops), graph, seeds, hops)
    # Enough is as good as all.
    assert_complete(_sampled(graph, seeds, hops=hops, fan_out=60), graph, seeds, hops)


def test_a_fact_told_twice_counts_once():
    graph = graphs.graph([(0, 0, 1), (0, 0, 1), (2, 2, 2), (6, 2, 6), (6, 2, 6)])
    assert_complete(_sampled(graph, [[1], [6], [2]]), graph, [[1], [6], [2]], 2)


@laws
@given(graphs.FACTS, st.integers(1, 2), st.booleans())
def test_the_target_is_dropped_in_both_directions(facts, hops, told_from_its_tail):
    graph = graphs.graph(facts)
    triples = [tuple(fact) for fact in facts[:3]]
    asked = [(t, r + 3, h) for h, r, t in triples] if told_from_its_tail else triples
    seeds = [[h, t] for h, _, t in asked]
    batch = _sampled(graph, seeds, asked, hops=hops)
    assert_complete(batch, graph, seeds, hops, triples)


@laws
@given(graphs.FACTS, SEEDS, st.integers(1, 3), st.integers(1, 6), st.integers(1, 9))
def test_narrow_subgraphs_are_part_of_the_whole(facts, seeds, fan_out, max_nodes, max_edges):
    graph = graphs.graph(facts)
    sizes = {"fan_out": fan_out, "max_nodes": max_nodes, "max_edges": max_edges}
    batch = _sampled(graph, seeds, **sizes)
    assert batch["entity"].shape == (len(seeds), max_nodes)
    assert batch["source"].shape == (len(seeds), max_edges)
    for row, (entities, edges) in enumerate(rows(batch)):
        distance, whole = reference(graph, seeds[row], 2)
        assert len(set(entities)) == len(entities)
        assert set(entities) <= set(distance)
        assert len(set(edges)) == len(edges)
        assert set(edges[::2]) <= whole
        assert edges[1::2] == [(t, r + graph.num_relations, h) for h, r, t in edges[::2]]
        known = [s for s in dict.fromkeys(seeds[row]) if s >= 0][:max_nodes]
        assert entities[: len(known)] == known
        wanted = [known.index(s) if s in known else -1 for s in seeds[row]]
        assert batch["seed_node"][row].tolist() == wanted


def test_rows_do_not_see_each_other():
    graph = graphs.skewed(300)
    seeds = np.arange(20)[:, None]
    arguments = {"max_nodes": 60, "max_edges": 2000}
    alone = [next(rows(_sampled(graph, seeds[i : i + 1], **arguments))) for i in range(20)]
    for one, other in zip(alone, rows(_sampled(graph, seeds, **arguments)), strict=True):
        assert sorted(one[0]) == sorted(other[0])
        assert sorted(one[1]) == sorted(other[1])


def test_without_inverses():
    graph = graphs.graph([(0, 0, 1), (2, 1, 0), (3, 2, 3)])
    (_, edges), (alone, loop) = rows(_sampled(graph, [[0], [3]], inverses=False))
    assert sorted(edges) == [(0, 0, 1), (2, 1, 0)]
    assert (alone, loop) == ([3], [(3, 2, 3)])


def test_empty_graphs_and_rows():
    batch = _sampled(graphs.graph([]), [[2, -1], [-1, -1]])
    assert list(rows(batch)) == [([2], []), ([], [])]
    batch = _sampled(graphs.graph([]), np.zeros((0, 2)))
    assert batch["entity"].shape == (0, 8)


def test_few_facts_are_drawn_evenly_and_none_twice():
    # Entity 0 has 11 facts, one with itself; 1 has 3, of which all are taken.
    facts = [(0, 0, i) for i in range(2, 9)] + [(i, 1, 0) for i in range(9, 12)] + [(0, 2, 0)]
    facts += [(1, 0, i) for i in range(2, 5)]
    graph = graphs.graph(facts, num_entities=12)
    incidence = Incidence(graph)
    triples = np.stack([incidence.head, incidence.relation, incidence.tail], axis=1).tolist()
    entities = tf.constant([0, 1] * 4000)
    fact, owner = (v.numpy() for v in incidence.sample(entities, 4, (3, 4)))
    counts = np.zeros(11)
    for entity in range(8000):
        drawn = [tuple(triples[f]) for f in fact[owner == entity]] if entity < 200 else None
        if drawn is not None:
            assert len(set(drawn)) == len(drawn) == (3 if entity % 2 else 4)
            assert set(drawn) <= set(facts[11:] if entity % 2 else facts[:11])
    first = [facts.index(tuple(triples[f])) for f in fact[owner % 2 == 0]]
    counts = np.bincount(first, minlength=11)
    assert len(counts) == 11
    expected = 4000 * 4 / 11
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


@laws
@given(st.lists(st.lists(st.integers(0, 4), max_size=6), min_size=1, max_size=4))
def test_numbers_are_those_of_a_dict(parts):
    """Each part is one value a row, over three rows."""
    numbering, seen = RowNumbering.empty(3, 5), [{}, {}, {}]
    for part in parts:
        row = np.repeat(np.arange(3, dtype="int32"), len(part))
        values = np.tile(np.array(part, "int32"), 3) % (row + 2)
        wanted, firsts = [], []
        for i, (r, value) in enumerate(zip(row.tolist(), values.tolist(), strict=True)):
            firsts += [i] if value not in seen[r] else []
            wanted.append(seen[r].setdefault(value, len(seen[r])))
        numbering, numbers, first = numbering.add(tf.constant(row), tf.constant(values))
        assert numbers.numpy().tolist() == wanted
        assert first.numpy().tolist() == firsts
        assert numbering.counts.numpy().tolist() == [len(row) for row in seen]


def _batches(graph, count=12):
    columns = zip(("head", "relation", "tail"), graph.triples[:count].T, strict=True)
    return tf.data.Dataset.from_tensor_slices(dict(columns)).batch(4).repeat()


def test_batches_of_triples():
    graph = graphs.skewed(60)
    sampler = SubgraphSampler(graph, **{**WIDE, "max_nodes": 60, "max_edges": 300})
    dataset = subgraph_batches(_batches(graph), sampler)
    assert dataset.element_spec["graph"]["entity"].shape.as_list() == [None, 60]
    for batch in graphs.take(dataset, 2):
        triples = np.stack([batch[k] for k in ("head", "relation", "tail")], axis=1).tolist()
        assert_complete(batch["graph"], graph, [[h, t] for h, _, t in triples], 2, triples)


def test_batches_of_texts_keep_their_labels():
    graph = graphs.skewed(60)
    sampler = SubgraphSampler(graph, **{**WIDE, "max_nodes": 60, "max_edges": 300})
    seeds = np.array([[5, -1], [-1, -1], [2, 1]])
    texts = tf.data.Dataset.from_tensors(({"entity_ids": seeds}, [0, 1, 0]))
    ((inputs, labels),) = subgraph_batches(texts, sampler, seeds="entity_ids")
    assert_complete({k: v.numpy() for k, v in inputs["graph"].items()}, graph, seeds, 2)
    assert labels.numpy().tolist() == [0, 1, 0]


def test_seeded_and_resumed():
    graph = graphs.skewed(2000)
    sampler = SubgraphSampler(graph, fan_out=(3, 2), max_nodes=20, max_edges=40)
    batches = _batches(graph)

    def take(count, first=0, **arguments):
        dataset = subgraph_batches(batches.skip(first), sampler, first_step=first, **arguments)
        return [batch["graph"] for batch in graphs.take(dataset, count)]

    whole = take(5)
    graphs.assert_same(whole, take(5))
    graphs.assert_same(whole[3:], take(2, first=3))
    other = take(5, seed=1)
    for one, another in [(whole[0], other[0]), (whole[0], whole[3])]:
        # The examples are the same, the choices are not.
        assert (one["entity"][:, 0] == another["entity"][:, 0]).all()
        assert (one["entity"] != another["entity"]).any()


def test_a_keras_model_takes_the_batches():
    graph = graphs.skewed(60)
    sampler = SubgraphSampler(graph, max_nodes=10, max_edges=20)
    entity = keras.Input((10,), dtype="int32", name="entity")
    head = keras.Input((), dtype="int32", name="head")
    score = keras.layers.Dense(1)(keras.layers.Embedding(50, 4)(entity)[:, 0])
    model = keras.Model({"head": head, "graph": {"entity": entity}}, score)
    model.compile("sgd", "mse")

    def strip(batch):
        inputs = {"head": batch["head"], "graph": {"entity": abs(batch["graph"]["entity"])}}
        return inputs, tf.ones([4])

    dataset = subgraph_batches(_batches(graph), sampler).map(strip)
    history = model.fit(dataset, steps_per_epoch=3, epochs=2, shuffle=False, verbose=0)
    assert history.history["loss"][1] < history.history["loss"][0]


def test_every_tensor_begins_with_the_batch():
    graph = graphs.skewed(60)
    dataset = subgraph_batches(_batches(graph), SubgraphSampler(graph, max_nodes=10))
    sizes = {value.shape[0] for value in tf.nest.flatten(graphs.take(dataset, 1)[0])}
    assert sizes == {4}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"hops": 0}, "`hops` must be a positive integer"),
        ({"fan_out": 0}, "`fan_out` must be a positive integer"),
        ({"fan_out": (3,)}, "`fan_out` must be one number, or one a hop"),
        ({"max_nodes": 0}, "`max_nodes` must be a positive integer"),
        ({"max_edges": 1.5}, "`max_edges` must be a positive integer"),
    ],
)
def test_numbers_that_are_refused(arguments, problem):
    with pytest.raises(ValueError, match=problem):
        SubgraphSampler(graphs.skewed(60), **arguments)


def test_what_is_refused():
    graph = graphs.skewed(60)
    with pytest.raises(ValueError, match="must not have inverse relations"):
        SubgraphSampler(graph.with_inverses())
    with pytest.raises(tf.errors.InvalidArgumentError, match="`seeds` must be entities of the"):
        _sampled(graph, [[50]])
    sampler = SubgraphSampler(graph)
    with pytest.raises(ValueError, match="must have 'head', 'relation', 'tail', and no 'graph'"):
        subgraph_batches(tf.data.Dataset.from_tensors({"head": [1]}), sampler)
    taken = tf.data.Dataset.from_tensors({"seeds": [[1]], "graph": [0]})
    with pytest.raises(ValueError, match=r"must have 'seeds', and no 'graph' yet. Received: \["):
        subgraph_batches(taken, sampler, seeds="seeds")


def test_every_hop_may_have_its_own_fan_out():
    facts = [(0, 0, i) for i in range(1, 5)] + [
        (i, 1, j) for i, j in itertools.permutations((5, 6))
    ]
    graph = graphs.graph(facts)
    ((entities, _),) = rows(_sampled(graph, [[0]], fan_out=(np.int64(2), None), hops=2))
    assert len(entities) == 3
