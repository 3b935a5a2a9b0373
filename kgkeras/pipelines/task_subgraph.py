"""The part of a graph that concerns a task's texts."""

import dataclasses

import numpy as np

from kgkeras.checks import describe, positive_int
from kgkeras.kg import KnowledgeGraph


@dataclasses.dataclass(frozen=True, eq=False)
class TaskSubgraph:
    """The facts within a few hops of the entities that texts mention.

    A text model that learns a large graph beside its task spends most of its steps on entities that
    no text speaks of. This is the graph to give to `pipelines.joint_batches` in place of the whole.

    Ids stay what they were, so that tables and linkers fit both graphs; `compact` renumbers them,
    for tables no larger than the task needs.

    Attributes:
        graph: `kg.KnowledgeGraph` of the facts found, over the vocabularies of the whole graph, in
            its order.
        mentioned: Integer array `(m,)`, the entities to start from, ascending.
        hops: Integer array `(num_entities,)`: how many facts away each entity is, -1 for those that
            were not reached.
    """

    graph: KnowledgeGraph
    mentioned: np.ndarray
    hops: np.ndarray

    @classmethod
    def around(cls, graph, entities, *, hops=1, max_degree=None, max_facts=None, seed=0):
        """Follows facts in both directions from `entities`.

        The first hop takes the facts that an entity of the texts is the head or tail of, each
        further one those of the entities that the hop before has reached.

        Args:
            graph: `kg.KnowledgeGraph`.
            entities: Integer array of any shape, such as the `entity_ids` that
                `pipelines.encode_texts` returned; negative ones are none. Only what was there
                before the labels belongs in it: the mentions of test texts may, which entity is
                the answer to one may not.
            hops: Number of hops, at least 1.
            max_degree: How many of its facts an entity brings in at most, drawn at random; a fact
                of two entities comes if one of them brings it. None for all.
            max_facts: How many facts there are at most, the nearest, drawn at random among those
                of one hop; None for all.
            seed: Seed of what is drawn.

        Returns:
            `TaskSubgraph`.

        Raises:
            ValueError: If an id is out of range, or a number is no positive integer.
        """
        hops = positive_int("hops", hops)
        max_degree, max_facts = (
            None if value is None else positive_int(name, value)
            for name, value in (("max_degree", max_degree), ("max_facts", max_facts))
        )
        mentioned = _checked_entities(entities, graph.num_entities)
        rng = np.random.default_rng(seed)
        distance = np.full(graph.num_entities, -1, "int32")
        distance[mentioned] = 0
        ends, found, count = graph.triples[:, [0, 2]], np.zeros(len(graph), bool), 0
        for hop in range(1, hops + 1):
            new = _touched(ends, distance == hop - 1, max_degree, rng) & ~found
            if max_facts is not None and count + new.sum() > max_facts:
                new = _drawn(new, max_facts - count, rng)
            found |= new
            count += int(new.sum())
            reached = np.unique(ends[new])
            distance[reached[distance[reached] < 0]] = hop
        return cls(graph.with_triples(graph.triples[found]), mentioned, distance)

    def compact(self):
        """The same facts over the entities that were reached or mentioned, renumbered.

        Returns:
            `(graph, entity_ids)`: a `kg.KnowledgeGraph`, and an int32 array `(num_entities,)` of
            the new id of each old one, -1 for those that are left out. Relations keep their ids.
        """
        kept = np.flatnonzero(self.hops >= 0)
        entity_ids = np.full(self.graph.num_entities, -1, "int32")
        entity_ids[kept] = np.arange(len(kept))
        head, relation, tail = self.graph.triples.T
        graph = dataclasses.replace(
            self.graph,
            entities=tuple(self.graph.entities[i] for i in kept),
            triples=np.stack([entity_ids[head], relation, entity_ids[tail]], axis=1),
            entity_texts=self.graph.entity_texts.take(kept),
        )
        return graph, entity_ids


def _checked_entities(entities, num_entities):
    """The distinct entities, ascending."""
    ids = np.asarray(entities)
    if ids.size and not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"`entities` must be integers. {describe(entities)}.")
    ids = np.unique(ids).astype("int64")
    ids = ids[ids >= 0]
    if ids.size and ids[-1] >= num_entities:
        raise ValueError(
            f"`entities` must lie below {num_entities}, the graph's number of entities. "
            f"Received: {int(ids[-1])}."
        )
    return ids


def _touched(ends, frontier, max_degree, rng):
    """Which facts an entity of the frontier brings in: bools `(facts,)`."""
    if max_degree is None:
        return frontier[ends].any(axis=1)
    # (places,): each end of a fact that lies in the frontier, head or tail.
    places = np.flatnonzero(frontier[ends].ravel())
    entity = ends.ravel()[places]
    # In random order within each entity; the first `max_degree` of a run stay.
    order = np.lexsort((rng.random(len(places)), entity))
    entity, places = entity[order], places[order]
    starts = np.flatnonzero(np.diff(entity, prepend=-1))
    lengths = np.diff(starts, append=len(entity))
    rank = np.arange(len(entity)) - np.repeat(starts, lengths)
    touched = np.zeros(len(ends), bool)
    touched[places[rank < max_degree] // 2] = True
    return touched


def _drawn(chosen, count, rng):
    """`count` of the facts that are chosen: bools `(facts,)`."""
    drawn = np.zeros_like(chosen)
    drawn[rng.permutation(np.flatnonzero(chosen))[:count]] = True
    return drawn
