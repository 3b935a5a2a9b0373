"""Finds false facts that are certainly false, and as plausible as the true ones."""

import collections
import re

import numpy as np

from kgkeras.datasets.geography import facts


class Denial:
    """Tells what is certainly false, and pairs each true fact with such a false one."""

    def __init__(self):
        graph = facts.load()
        self._linked = {
            frozenset((graph.entities[head], graph.entities[tail]))
            for head, _, tail in graph.triples.tolist()
        }
        self._words = {
            entity: {word[:4] for word in re.findall("[a-z]{4,}", facts.plain(name).lower())}
            for entity, name in facts.spoken_names().items()
        }
        self._homes = collections.defaultdict(set)
        self._regions = collections.defaultdict(dict)
        self._read_homes(graph)
        self._add_undecided()

    def _read_homes(self, graph):
        """Where each place is: needed for claims, which hold for all places of a state."""
        types = dict(zip(graph.entities, graph.entity_texts.types, strict=True))
        for head, relation, tail in graph.triples.tolist():
            name, ends = graph.relations[relation], (graph.entities[head], graph.entities[tail])
            if name in ("subregion", "continent"):
                self._regions[ends[0]][name] = ends[1]
            for place, state in (ends, ends[::-1]):
                if types[state] == "state":
                    self._homes[place].add(state)
        for state in self._regions:
            self._homes[state] = {state}

    def _add_undecided(self):
        """Pairs that are neither told nor denied: namesakes, headwaters, claims."""
        states = facts.identifiers_by_code()
        self._claims = set()
        for row in facts.table("undecided.tsv"):
            entity = facts.identifier(row["name"].removeprefix("the "))
            pairs = self._claims if entity in self._regions else self._linked
            pairs.update(frozenset((entity, states[code])) for code in row["states"].split())

    def names_tell(self, first, second):
        """Whether the two names share the beginning of a word: text would give the answer."""
        return not self._words[first].isdisjoint(self._words[second])

    def certain(self, place, state):
        """Whether `place` surely has nothing to do with `state`, and no name says otherwise."""
        return (
            place != state
            and frozenset((place, state)) not in self._linked
            and not self.names_tell(place, state)
            and not any(frozenset((home, state)) in self._claims for home in self._homes[place])
        )

    def twins(self, true_facts, rng):
        """Gives each fact another state, by permuting the states within each relation.

        A permutation keeps each state as often in false facts as in true ones. States are first
        permuted within their subregion; what is then true or uncertain is repaired by swaps with
        the nearest fact that allows it. What no swap repairs is left out, with its true fact.

        Args:
            true_facts: List of `(relation, place, state)`.
            rng: A `numpy.random.Generator`.

        Returns:
            A list of `(relation, place, state, other)`.
        """
        by_relation = collections.defaultdict(list)
        for relation, place, state in true_facts:
            by_relation[relation].append((place, state))
        return [
            (relation, place, state, other)
            for relation, pairs in by_relation.items()
            for (place, state), other in self._permuted(pairs, rng)
        ]

    def _permuted(self, pairs, rng):
        """The `((place, state), other)` of one relation that found another state."""
        others = [state for _, state in pairs]
        fits = [False] * len(pairs)
        taken = set()
        nearest = self._nearest([state for _, state in pairs], rng)
        for row in rng.permutation(len(pairs)):
            if fits[row]:
                continue
            for partner in nearest(row):
                new = {row: others[partner], partner: others[row]}
                links = {frozenset((pairs[i][0], other)) for i, other in new.items()}
                free = taken - {frozenset((pairs[i][0], others[i])) for i in new}
                if links.isdisjoint(free) and all(
                    self.certain(pairs[i][0], other) for i, other in new.items()
                ):
                    taken = free | links
                    for i, other in new.items():
                        others[i], fits[i] = other, True
                    break
        return [(pair, others[row]) for row, pair in enumerate(pairs) if fits[row]]

    def _nearest(self, states, rng):
        """Orders rows by their states: of the same subregion first, then continent, then the rest.

        Returns:
            A function of a row that gives all rows of other states, in random order where equally
            near.
        """
        codes = {
            kind: np.unique([self._regions[state][kind] for state in states], return_inverse=True)[
                1
            ]
            for kind in ("subregion", "continent")
        }
        _, codes["state"] = np.unique(states, return_inverse=True)

        def nearest(row):
            distance = sum(codes[kind] != codes[kind][row] for kind in codes)
            order = np.lexsort((rng.random(len(states)), distance))
            return order[distance[order] > 0].tolist()

        return nearest
