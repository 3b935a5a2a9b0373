"""Questions about the toy world: a walk of one or two relations from the entity they name."""

import keras
import numpy as np

from kgkeras import graph, models
from tests import toy

HOPS, K = 2, 5
MENTION = toy.VOCABULARY - 1


def facts():
    """The toy graph, told from both ends: six relations."""
    return toy.graph().with_inverses()


def answers(knowledge, entity, relations):
    """Where a walk along `relations` from `entity` ends, without ever coming back to it."""
    reached = {entity}
    for wanted in relations:
        reached = {
            int(t) for h, r, t in knowledge.triples if r == wanted and h in reached and t != entity
        }
    return sorted(reached)


def encoded(knowledge, seed=1):
    """All questions that have an answer, in random order: `(inputs, labels)`.

    A question holds one word for its first relation, for two hops one for its second, and two
    words that name the entity, between words that mean nothing.
    """
    rng = np.random.default_rng(seed)
    relations = range(knowledge.num_relations)
    walks = [(r,) for r in relations] + [(r, s) for r in relations for s in relations]
    asked = [
        (entity, walk, found)
        for entity in range(knowledge.num_entities)
        for walk in walks
        if (found := answers(knowledge, entity, walk))
    ]
    asked = [asked[i] for i in rng.permutation(len(asked))]
    inputs = {
        "token_ids": rng.integers(20, 24, (len(asked), toy.LENGTH)).astype("int32"),
        "padding_mask": np.arange(toy.LENGTH) < rng.integers(6, toy.LENGTH + 1, (len(asked), 1)),
        "entity_ids": np.full((len(asked), toy.LENGTH), -1, "int32"),
    }
    labels = np.full((len(asked), max(len(found) for _, _, found in asked)), -1, "int32")
    for row, (entity, walk, found) in enumerate(asked):
        inputs["entity_ids"][row, 1:3] = entity
        inputs["token_ids"][row, 3] = walk[0]
        inputs["token_ids"][row, 4] = 10 + walk[1] if len(walk) > 1 else 9
        labels[row, : len(found)] = found
    return inputs, labels


def model(knowledge, hops=HOPS, **arguments):
    """A compiled answerer over word vectors."""
    index = graph.FactIndex.from_graph(knowledge, name="facts")
    walk = graph.RelationWalk(index, hops, k=K, name="walk")
    answerer = models.QuestionAnswerer(toy.encoder(), walk, mention_id=MENTION, **arguments)
    answerer.compile(keras.optimizers.Adam(2e-2))
    return answerer


def rows(inputs, wanted):
    """The questions at `wanted`."""
    return {name: column[wanted] for name, column in inputs.items()}
