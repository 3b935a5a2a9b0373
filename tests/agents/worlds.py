"""Small graphs whose best walks are known."""

import itertools

import numpy as np
import tensorflow as tf

from kgkeras import agents, kg, layers

FAMILIES = 6
FIRST, SECOND, GRAND, NOISE = range(4)


def families(seed=0):
    """`grand` is `first` and then `second`; some of it is told, and there is noise.

    Returns:
        `(graph, told, asked)`: the graph, and the facts of `grand` that it holds and that it does
        not, `(n, 3)` each.
    """
    rng = np.random.default_rng(seed)
    olds, mids, youngs = (FAMILIES * i + np.arange(FAMILIES) for i in range(3))
    mid, young = rng.permutation(mids), rng.permutation(youngs)
    facts = [(o, FIRST, m) for o, m in zip(olds, mid, strict=True)]
    facts += [(m, SECOND, y) for m, y in zip(mid, young, strict=True)]
    grand = np.array([(o, GRAND, y) for o, y in zip(olds, young, strict=True)])
    told, asked = grand[: FAMILIES - 2], grand[FAMILIES - 2 :]
    noise = rng.integers(0, 3 * FAMILIES, (4 * FAMILIES, 2))
    facts += [(a, NOISE, b) for a, b in noise if a != b]
    triples = np.unique(np.concatenate([facts, told]), axis=0).astype("int32")
    entities = tuple(f"e{i}" for i in range(3 * FAMILIES))
    graph = kg.KnowledgeGraph(entities, ("first", "second", "grand", "noise"), triples)
    return graph, told.astype("int32"), asked.astype("int32")


def reasoner(
    graph, learner=None, *, history=None, reads_entities=True, dim=8, max_actions=50, **options
):
    """A small `PathReasoner` over a graph."""
    relations = layers.RelationEmbedding(2 * graph.num_relations + 2, dim)
    entities = layers.EntityEmbedding(graph.num_entities, dim)
    policy = agents.WalkPolicy(
        relations,
        history or agents.LSTMHistory(12),
        dim,
        hidden_dim=16,
        entities=entities if reads_entities else None,
    )
    return agents.PathReasoner(
        agents.GraphEnvironment.from_graph(graph, max_actions),
        policy,
        agents.RelationQueries(),
        learner or agents.Reinforce(),
        **{"steps": 2, "walks": 4, "beam": 1000, **options},
    )


def queries(triples):
    """Queries of triples, as a model takes them."""
    return {
        name: tf.constant(x)
        for name, x in zip(("head", "relation", "tail"), triples.T, strict=True)
    }


def edges(graph, entity):
    """All that may be done at an entity, as a set of `(relation, tail)`."""
    stay, inverse = 2 * graph.num_relations, graph.num_relations
    out = {(stay, entity)}
    for head, relation, tail in graph.triples.tolist():
        if head == entity:
            out.add((relation, tail))
        if tail == entity:
            out.add((relation + inverse, head))
    return out


def every_choice(model, asked):
    """The `Walk` of one query: a walker for each sequence of actions."""
    numbers = range(model.environment.max_actions)
    actions = tf.constant(list(itertools.product(numbers, repeat=model.steps)), tf.int32)

    def choose(step, scores):
        return actions[:, step], scores

    return model.walk(asked, choose, walks=len(actions), training=False)
