"""Inverse relations: the same facts, told from the tail.

Of `n` relations, relation `r` has the inverse `r + n`, and that one has the inverse `r`. This file
alone knows the numbering.
"""

import dataclasses

import numpy as np

from kgkeras.kg.texts import Texts

SUFFIX = "_inverse"


def inverse_relation(relation, num_relations):
    """The id of the relation that runs the other way.

    Args:
        relation: Id, or integer array of ids, in `[0, 2 * num_relations)`.
        num_relations: Number of relations before inverses were added.

    Returns:
        Ids of the same shape. Applied twice, it gives back what it was given.
    """
    return (relation + num_relations) % (2 * num_relations)


def has_inverses(graph):
    """Whether the second half of the graph's relations are the inverses of the first."""
    half, odd = divmod(graph.num_relations, 2)
    first, second = graph.relations[:half], graph.relations[half:]
    return bool(half) and not odd and second == tuple(name + SUFFIX for name in first)


def check_no_inverses(graph):
    """Raises a ValueError if the graph has inverse relations already."""
    if has_inverses(graph):
        raise ValueError(
            "The graph must not have inverse relations already: they are added here. "
            f"Received: {graph.num_relations} relations, {graph.relations[0]!r} ... "
            f"{graph.relations[-1]!r}."
        )


def with_inverses(graph):
    """A graph that holds, beside each fact, its inverse `(tail, inverse of relation, head)`.

    Args:
        graph: A `KnowledgeGraph` of `n` relations and `m` facts.

    Returns:
        A `KnowledgeGraph` of `2 n` relations and `2 m` facts: first the facts of `graph` in their
        order, then their inverses in the same order.

    Raises:
        ValueError: If the graph has inverse relations already.
    """
    check_no_inverses(graph)
    head, relation, tail = graph.triples.T
    inverted = np.stack([tail, inverse_relation(relation, graph.num_relations), head], axis=1)
    texts = graph.relation_texts
    return dataclasses.replace(
        graph,
        relations=graph.relations + tuple(name + SUFFIX for name in graph.relations),
        triples=np.concatenate([graph.triples, inverted]),
        relation_texts=Texts(
            names=texts.names + tuple(name and f"inverse of {name}" for name in texts.names),
            descriptions=texts.descriptions * 2,
            aliases=texts.aliases + ((),) * len(texts),
            types=texts.types * 2,
        ),
    )
