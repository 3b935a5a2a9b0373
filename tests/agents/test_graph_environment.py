"""What walkers can do at each entity."""

import numpy as np
import pytest
import tensorflow as tf

from kgkeras import agents, kg
from tests.agents import worlds


@pytest.fixture(scope="module")
def graph():
    return worlds.families()[0]


def actions_of(environment, entity):
    relation, tail, legal = (x.numpy()[0] for x in environment(tf.constant([entity])))
    return list(zip(relation[legal].tolist(), tail[legal].tolist(), strict=True))


def test_actions_are_to_stay_and_the_facts_in_either_direction(graph):
    environment = agents.GraphEnvironment.from_graph(graph)
    for entity in range(graph.num_entities):
        actions = actions_of(environment, entity)
        assert actions[0] == (environment.stay, entity)
        assert len(set(actions)) == len(actions)
        assert set(actions) == worlds.edges(graph, entity)
    together = environment(tf.range(graph.num_entities))
    for column in together:
        assert column.shape == (graph.num_entities, environment.max_actions)


def test_hubs_keep_what_leads_on():
    # Of the hub's tails, e3 has two more facts and e2 one.
    triples = np.array([[0, 0, 1], [0, 0, 2], [0, 0, 3], [2, 0, 4], [3, 0, 4], [3, 0, 5]], "int32")
    graph = kg.KnowledgeGraph(tuple(f"e{i}" for i in range(6)), ("r",), triples)
    environment = agents.GraphEnvironment.from_graph(graph, max_actions=3)
    assert actions_of(environment, 0) == [(2, 0), (0, 3), (0, 2)]
    assert environment.knows([0], [0], [1]).numpy().all()  # known, though no action


def test_hides_what_is_asked(graph):
    environment = agents.GraphEnvironment.from_graph(graph)
    for head, relation, tail in graph.triples.tolist():
        for position in (head, tail):
            at = tf.constant([position])
            asked = [tf.constant([i]) for i in (head, relation, tail)]
            relations, tails, legal = environment.without(at, environment(at), asked)
            columns = (ids[legal].numpy().tolist() for ids in (relations, tails))
            left = set(zip(*columns, strict=True))
            told = {(relation, tail)} if position == head else set()
            told |= {(relation + graph.num_relations, head)} if position == tail else set()
            assert left == worlds.edges(graph, position) - told


def test_knows_facts(graph):
    environment = agents.GraphEnvironment.from_graph(graph)
    sizes = graph.num_entities, 2 * graph.num_relations, graph.num_entities
    every = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), -1).reshape(-1, 3)
    facts = set(map(tuple, graph.with_inverses().triples.tolist()))
    wanted = [tuple(triple) in facts for triple in every.tolist()]
    assert environment.knows(*every.T.astype("int32")).numpy().tolist() == wanted


def test_entities_without_facts():
    graph = kg.KnowledgeGraph(("a", "b", "c"), ("r",), np.array([[0, 0, 1]], "int32"))
    environment = agents.GraphEnvironment.from_graph(graph)
    assert actions_of(environment, 2) == [(2, 2)]
    assert environment(tf.zeros([0], tf.int32))[0].shape == (0, 2)


def test_wrong_graphs():
    empty = kg.KnowledgeGraph(("a",), ("r",), np.zeros((0, 3), "int32"))
    with pytest.raises(ValueError, match="at least one fact"):
        agents.GraphEnvironment.from_graph(empty)
    graph = kg.KnowledgeGraph(("a", "b"), ("r",), np.array([[0, 0, 1]], "int32"))
    with pytest.raises(ValueError, match="must not have inverse relations"):
        agents.GraphEnvironment.from_graph(graph.with_inverses())
    with pytest.raises(ValueError, match="`max_actions` must be a positive integer"):
        agents.GraphEnvironment.from_graph(graph, max_actions=0)
    with pytest.raises(ValueError, match="`max_actions` must be at least 2"):
        agents.GraphEnvironment.from_graph(graph, max_actions=1)
