"""Graphs made of a part of another graph, or of its facts dealt out anew."""

import dataclasses

import numpy as np

from kgkeras.checks import describe, rate
from kgkeras.kg.splits import Splits


def subgraph(graph, entities, *, compact):
    """See `KnowledgeGraph.subgraph`."""
    ids = np.asarray(entities)
    ids = ids.astype("int64") if ids.size == 0 else ids
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"`entities` must be a vector of ids. {describe(entities)}.")
    outside = ids[(ids < 0) | (ids >= graph.num_entities)]
    if outside.size:
        raise ValueError(
            f"`entities` must lie in [0, {graph.num_entities}). Received: {int(outside[0])}."
        )
    kept = np.zeros(graph.num_entities, dtype=bool)
    kept[ids] = True
    inside = kept[graph.triples[:, 0]] & kept[graph.triples[:, 2]]
    smaller = graph.with_triples(graph.triples[inside])
    return _compact(smaller, np.flatnonzero(kept)) if compact else smaller


def shuffled(graph, seed):
    """See `KnowledgeGraph.shuffled`."""
    rng = np.random.default_rng(seed)
    _, group = np.unique(np.asarray(graph.entity_texts.types, dtype=object), return_inverse=True)
    taken_by = np.empty(graph.num_entities, dtype="int32")
    members = np.argsort(group, kind="stable")
    # Sorted by (group, random), the groups lie as in `members`, each in random order.
    taken_by[members] = np.lexsort((rng.random(graph.num_entities), group))
    triples = graph.triples.copy()
    triples[:, [0, 2]] = taken_by[triples[:, [0, 2]]]
    return graph.with_triples(triples)


def split(graph, *, valid, test, seed):
    """See `KnowledgeGraph.split`."""
    valid, test = rate("valid", valid), rate("test", test)
    _, first = np.unique(graph.triples, axis=0, return_index=True)
    facts = graph.triples[np.sort(first)]
    num_valid, num_test = round(len(facts) * valid), round(len(facts) * test)
    if num_valid + num_test >= max(len(facts), 1):
        raise ValueError(
            "`valid` and `test` must leave facts to train on. "
            f"Received: valid={valid}, test={test} of {len(facts)} distinct facts."
        )
    order = np.random.default_rng(seed).permutation(len(facts))
    # Facts that are the first to show an entity or relation go to train before all others.
    shows = _shows_new(facts[order])
    order = np.concatenate([order[shows], order[~shows]])
    num_train = len(facts) - num_valid - num_test
    parts = np.split(facts[order], [num_train, num_train + num_valid])
    return Splits(*(graph.with_triples(part) for part in parts))


def _shows_new(facts):
    """Which facts are the first to hold their head, relation or tail: bools `(facts,)`."""
    shows = np.zeros(len(facts), dtype=bool)
    _, first_relation = np.unique(facts[:, 1], return_index=True)
    _, first_entity = np.unique(facts[:, [0, 2]], return_index=True)
    shows[first_relation] = True
    shows[first_entity // 2] = True  # positions in the flattened (facts, 2)
    return shows


def _compact(graph, entities):
    """The graph over `entities` (ascending ids that hold all facts) and the relations in use."""
    relations = np.unique(graph.triples[:, 1])
    new_entity = np.zeros(graph.num_entities, dtype="int32")
    new_entity[entities] = np.arange(len(entities))
    new_relation = np.zeros(graph.num_relations, dtype="int32")
    new_relation[relations] = np.arange(len(relations))
    head, relation, tail = graph.triples.T
    return dataclasses.replace(
        graph,
        entities=tuple(graph.entities[i] for i in entities),
        relations=tuple(graph.relations[r] for r in relations),
        triples=np.stack([new_entity[head], new_relation[relation], new_entity[tail]], axis=1),
        entity_texts=graph.entity_texts.take(entities),
        relation_texts=graph.relation_texts.take(relations),
    )
