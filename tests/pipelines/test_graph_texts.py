"""Texts with their subgraphs, beside what the graph itself says."""

import numpy as np
import pytest
import tensorflow as tf

from kgkeras import pipelines
from tests import toy
from tests.pipelines.test_subgraphs import reference, rows

SIZES = {"hops": 1, "fan_out": None, "max_nodes": 48, "max_edges": 96}


@pytest.fixture(scope="module")
def world():
    facts = toy.graph()
    return facts, *toy.claims(facts, 48)


def _batches(world, sampler=None, hide=None, **arguments):
    facts, inputs, labels = world
    if hide is not None:
        inputs, arguments = {**inputs, "asked": hide}, {"hidden": "asked", **arguments}
    batches = pipelines.text_batches(inputs, labels, 16)
    sampler = sampler or pipelines.SubgraphSampler(facts, **SIZES)
    return list(pipelines.graph_text_batches(batches, sampler, **arguments).as_numpy_iterator())


@pytest.mark.parametrize("mentions", [1, 2])
def test_all_around_the_entities_of_each_text(world, mentions):
    facts, inputs, labels = world
    found = _batches(world, max_mentions=mentions)
    assert [len(y) for _, y in found] == [16, 16, 16]
    np.testing.assert_array_equal(np.concatenate([y for _, y in found]), labels)
    places = [1, 3][:mentions]
    for start, (x, _) in zip((0, 16, 32), found, strict=True):
        graph = x["graph"]
        assert set(graph) == {"entity", "source", "target", "relation"}
        widths = {name: column.shape[1] for name, column in graph.items()}
        most = (graph["entity"] >= 0).sum(axis=1).max(), (graph["source"] >= 0).sum(axis=1).max()
        assert widths["entity"] == -(-most[0] // 16) * 16
        assert widths["source"] == -(-most[1] // 16) * 16
        assert all(column.dtype == "int32" for column in graph.values())
        for row, (entities, edges) in enumerate(rows(graph)):
            seeds = inputs["entity_ids"][start + row, places].tolist()
            distance, told = reference(facts, seeds, 1)
            assert sorted(entities) == sorted(distance)
            assert set(edges) == told | {(t, r + facts.num_relations, h) for h, r, t in told}


def test_what_is_asked_for_is_not_told(world):
    facts, inputs, _ = world
    seeds = inputs["entity_ids"][:, [1, 3]].tolist()
    asked = np.array([facts.facts_of(head)[0] for head, _ in seeds])
    asked[::3] = -1
    found = _batches(world, hide=asked)
    graphs = [row for x, _ in found for row in rows(x["graph"])]
    assert len(graphs) == len(seeds)
    for (_, edges), pair, triple in zip(graphs, seeds, asked.tolist(), strict=True):
        _, told = reference(facts, pair, 1, tuple(triple))
        assert (tuple(triple) in told) is False
        assert set(edges) == told | {(t, r + facts.num_relations, h) for h, r, t in told}


@pytest.mark.slow
def test_choices_follow_from_the_seed_and_the_step(world):
    sampler = pipelines.SubgraphSampler(world[0], **{**SIZES, "fan_out": 2})

    def edges(**arguments):
        return [x["graph"]["source"] for x, _ in _batches(world, sampler, **arguments)]

    def same(one, two):
        return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))

    first = edges(seed=3)
    assert same(first, edges(seed=3))
    assert not same(first, edges(seed=4))
    # Resumed at the second batch, the same batches get other subgraphs.
    assert not same(first, edges(seed=3, first_step=1))
    assert same(edges(seed=None), edges(seed=None, first_step=5))


def test_without_a_seed_rows_do_not_depend_on_each_other(world):
    sampler = pipelines.SubgraphSampler(world[0], **{**SIZES, "hops": 2, "fan_out": 2})
    seeds = world[1]["entity_ids"][:, [1, 3]]
    together = sampler(seeds)
    for row in range(8):
        alone = sampler(seeds[row : row + 1])
        for name in together:
            np.testing.assert_array_equal(alone[name][0], together[name][row])
    # No more facts of an entity than asked for, and spread over all it has.
    known = {tuple(fact) for fact in world[0].triples.tolist()}
    for entities, edges in list(rows({k: v.numpy() for k, v in together.items()}))[:8]:
        assert set(edges[::2]) <= known
        assert len(edges) <= 2 * 2 * len(entities)


def test_stored_facts_give_the_same_subgraphs(world):
    sampler = pipelines.SubgraphSampler(world[0], **{**SIZES, "fan_out": 2})
    stored = sampler.stored()
    seeds, seed = world[1]["entity_ids"][:, [1, 3]], (3, 4)
    function = tf.function(lambda seeds: stored(seeds, seed))
    for name, value in function(tf.constant(seeds)).items():
        np.testing.assert_array_equal(value, sampler(seeds, seed)[name])
    variables = function.get_concrete_function(tf.constant(seeds)).graph.variables
    assert len(variables) == 5
    assert not any(variable.trainable for variable in variables)


def test_texts_about_nobody_have_an_empty_graph(world):
    facts, inputs, labels = world
    nobody = {**inputs, "entity_ids": np.full_like(inputs["entity_ids"], -1)}
    for x, _ in _batches((facts, nobody, labels)):
        for column in x["graph"].values():
            np.testing.assert_array_equal(column, np.full((16, 16), -1))


def test_beside_triples_and_without_labels(world):
    facts, inputs, labels = world
    sampler = pipelines.SubgraphSampler(facts, **SIZES)
    joint = pipelines.joint_batches(inputs, labels, facts, batch_size=8)
    x, y = next(iter(pipelines.graph_text_batches(joint, sampler)))
    assert {"triples", "negatives", "known", "graph"} <= set(x)
    assert len(y) == 8
    alone = tf.data.Dataset.from_tensor_slices(inputs).batch(8)
    assert "graph" in next(iter(pipelines.graph_text_batches(alone, sampler)))


def test_bad_arguments(world):
    facts, inputs, labels = world
    sampler = pipelines.SubgraphSampler(facts, **SIZES)
    batches = pipelines.text_batches(inputs, labels, 8)
    with pytest.raises(ValueError, match="must have 'asked', 'entity_ids', and no 'graph' yet"):
        pipelines.graph_text_batches(batches, sampler, hidden="asked")
    twice = pipelines.graph_text_batches(batches, sampler)
    with pytest.raises(ValueError, match=r"no 'graph' yet. Received: .*'graph'"):
        pipelines.graph_text_batches(twice, sampler)
    with pytest.raises(ValueError, match="`max_mentions` must be a positive integer"):
        pipelines.graph_text_batches(batches, sampler, max_mentions=0)
