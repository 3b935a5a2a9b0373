"""Graphs made of a part of another graph, or of its facts dealt out anew."""

import dataclasses

import numpy as np

from kgkeras.checks import describe, rate
from kgkeras.kg.inverse import has_inverses
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
    if has_inverses(graph):
        raise ValueError(
            "The graph must not have inverse relations yet, which would tell train what valid and "
            "test ask: split first, then `with_inverses()`. "
            f"Received: relations {graph.relations[0]!r} ... {graph.relations[-1]!r}."
        )
    _, first = np.unique(graph.triples, axis=0, return_index=True)
    facts = graph.triples[np.sort(first)]
    num_valid, num_test = round(len(facts) * valid), round(len(facts) * test)
    if num_valid + num_test >= max(len(facts), 1):
        raise ValueError(
            "`valid` and `test` must leave facts to train on. "
            f"Received: valid={valid}, test={test} of {len(facts)} distinct facts."
        )
    group = _with_reverse(facts)
    place = np.empty(group.max(initial=-1) + 1, dtype="int64")  # of each group
    place[np.random.default_rng(seed).permutation(len(place))] = np.arange(len(place))
    order = np.argsort(place[group], kind="stable")
    facts, group = facts[order], place[group[order]]
    # Groups that are the first to show an entity or relation go to train before all others.
    shows = np.zeros(len(place), dtype=bool)
    shows[group[_shows_new(facts)]] = True
    last_first = np.concatenate([np.flatnonzero(shows), np.flatnonzero(~shows)])[::-1]
    sizes = np.bincount(group, minlength=len(place))
    in_test = _fill(sizes[last_first], num_test)
    left = last_first[~in_test]
    in_valid = _fill(sizes[left], num_valid)
    groups = left[~in_valid], left[in_valid], last_first[in_test]
    return Splits(*(graph.with_triples(_facts_of(g[::-1], facts, group)) for g in groups))


def _with_reverse(facts):
    """Numbers `(facts,)`, alike for `(h, r, t)` and `(t, r, h)`, by their first appearance."""
    ends = np.sort(facts[:, [0, 2]], axis=1)
    keys = np.stack([ends[:, 0], facts[:, 1], ends[:, 1]], axis=1)
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[group.ravel()]


def _fill(sizes, room):
    """Which of the groups, of one or two facts, fill the room: the first ones that fit.

    One place stays empty where all that is left are groups of two.
    """
    taken = np.cumsum(sizes) <= room
    single = np.flatnonzero(~taken & (sizes == 1))
    if single.size and sizes[taken].sum() < room:
        taken[single[0]] = True
    return taken


def _facts_of(groups, facts, group):
    """The facts of some groups, in the order of the groups; `group` has the one of each fact."""
    place = np.full(group.max(initial=-1) + 1, -1)
    place[groups] = np.arange(len(groups))
    rows = np.flatnonzero(place[group] >= 0)
    return facts[rows[np.argsort(place[group[rows]], kind="stable")]]


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
