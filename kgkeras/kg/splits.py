"""Train, validation and test facts over shared vocabularies, and what is odd about them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from kgkeras.checks import describe

if TYPE_CHECKING:
    from kgkeras.kg.graph import KnowledgeGraph

_SPLITS = ("train", "valid", "test")


@dataclasses.dataclass(frozen=True)
class SplitReport:
    """Counts about one split. "Before" means in the splits that precede it.

    Attributes:
        triples: Facts, repeated ones each time.
        duplicates: Facts that stand in this split already.
        unseen_entities: Distinct entities without a fact in train.
        triples_with_unseen_entities: Facts that hold at least one of them.
        unseen_relations: Distinct relations without a fact in train.
        triples_with_unseen_relations: Facts that hold one of them.
        leaked: Facts that also stand in a split before.
        leaked_reversed: Facts `(h, r, t)`, h not t, of which a split before holds `(t, r, h)`.
        leaked_pairs: Facts, h not t, whose two entities another fact of a split before links by
            whatever relation, in either direction: what a model that knows inverse relations can
            copy. Facts of the two kinds above count here, too.
    """

    triples: int
    duplicates: int
    unseen_entities: int
    triples_with_unseen_entities: int
    unseen_relations: int
    triples_with_unseen_relations: int
    leaked: int
    leaked_reversed: int
    leaked_pairs: int


@dataclasses.dataclass(frozen=True)
class SplitsReport:
    """Counts about three splits; see `SplitReport`."""

    num_entities: int
    num_relations: int
    train: SplitReport
    valid: SplitReport
    test: SplitReport


@dataclasses.dataclass(frozen=True)
class Splits:
    """Three `KnowledgeGraph`s over the same vocabularies.

    Raises:
        ValueError: If the entities or relations are not the same in all three.
    """

    train: KnowledgeGraph
    valid: KnowledgeGraph
    test: KnowledgeGraph

    def __post_init__(self):
        for split in ("valid", "test"):
            for vocabulary in ("entities", "relations"):
                wanted = getattr(self.train, vocabulary)
                found = getattr(getattr(self, split), vocabulary)
                if wanted != found:
                    raise ValueError(
                        f"`{split}` must have the same {vocabulary}, in the same order, as "
                        f"`train`. {_difference(wanted, found)}"
                    )

    __hash__ = None

    @classmethod
    def from_triples(cls, train, valid, test, *, relations=None):
        """Splits of facts given as identifiers, over vocabularies shared by all three.

        Entities and relations are numbered in the order they are first seen, those of train
        first. Each split is an iterable of `(head, relation, tail)`; `relations` may give the
        vocabulary of relations instead.

        Raises:
            ValueError: If a fact names a relation that the given vocabulary lacks.
        """
        from kgkeras.kg.graph import KnowledgeGraph  # not above: a graph knows how to split itself

        parts = [list(part) for part in (train, valid, test)]
        facts = [fact for part in parts for fact in part]
        together = KnowledgeGraph.from_triples(facts, relations=relations)
        ends = np.cumsum([len(part) for part in parts])[:-1]
        return cls(*(together.with_triples(part) for part in np.split(together.triples, ends)))

    @property
    def entities(self):
        """Identifiers of the shared entities."""
        return self.train.entities

    @property
    def relations(self):
        """Identifiers of the shared relations."""
        return self.train.relations

    @property
    def num_entities(self):
        """Number of shared entities."""
        return self.train.num_entities

    @property
    def num_relations(self):
        """Number of shared relations."""
        return self.train.num_relations

    @property
    def triples(self):
        """All facts, train before valid before test: an integer array `(facts, 3)`."""
        return np.concatenate([getattr(self, split).triples for split in _SPLITS])

    def with_texts(self, *, entity_texts=None, relation_texts=None):
        """The same splits with other texts; None keeps those there are."""
        given = {"entity_texts": entity_texts, "relation_texts": relation_texts}
        given = {name: texts for name, texts in given.items() if texts is not None}
        return Splits(*(dataclasses.replace(getattr(self, s), **given) for s in _SPLITS))

    def with_inverses(self):
        """Splits that tell each fact from both ends, so that predicting tails asks for heads too.

        Raises:
            ValueError: If there are inverse relations already.
        """
        return Splits(*(getattr(self, split).with_inverses() for split in _SPLITS))

    def report(self):
        """Counts unseen, repeated and leaked facts: a `SplitsReport`."""
        parts = [getattr(self, split).triples for split in _SPLITS]
        codes = _Codes(np.concatenate(parts), self.num_entities, self.num_relations)
        reports = [
            _report(
                part, train=parts[0], before=np.concatenate([parts[0][:0], *parts[:i]]), codes=codes
            )
            for i, part in enumerate(parts)
        ]
        return SplitsReport(self.num_entities, self.num_relations, *reports)

    def __repr__(self):
        sizes = ", ".join(f"{split}={len(getattr(self, split)):,}" for split in _SPLITS)
        return f"Splits({self.num_entities:,} entities, {self.num_relations:,} relations, {sizes})"


class _Codes:
    """Numbers facts so that equal facts, and only those, have equal numbers."""

    def __init__(self, triples, num_entities, num_relations):
        self._num_entities = num_entities
        self._num_relations = num_relations
        self._pairs = np.sort(self.pairs(triples))

    def pairs(self, triples):
        """Numbers `(facts,)` of the (head, tail) pairs."""
        # Both ids are below 2^31, so the code fits; with the relation it would not.
        return triples[:, 0].astype("int64") * self._num_entities + triples[:, 2]

    def facts(self, triples):
        """Numbers `(facts,)` of the facts; -1 where the pair is not among those first given."""
        pairs = self.pairs(triples)
        place = np.searchsorted(self._pairs, pairs) * self._num_relations
        return np.where(_among(pairs, self._pairs), place + triples[:, 1], -1)


def _report(triples, *, train, before, codes):
    head, relation, tail = triples.T
    new_ends = ~_among(triples[:, [0, 2]], np.sort(train[:, [0, 2]], axis=None))
    new_relation = ~_among(relation, np.sort(train[:, 1]))
    turned = np.stack([tail, relation, head], axis=1)
    facts, pairs = np.sort(codes.facts(before)), np.sort(codes.pairs(before))
    own = codes.facts(triples)
    linked = _among(codes.pairs(triples), pairs) | _among(codes.pairs(turned), pairs)
    return SplitReport(
        triples=len(triples),
        duplicates=int((np.diff(np.sort(own)) == 0).sum()),
        unseen_entities=len(np.unique(triples[:, [0, 2]][new_ends])),
        triples_with_unseen_entities=int(new_ends.any(axis=1).sum()),
        unseen_relations=len(np.unique(relation[new_relation])),
        triples_with_unseen_relations=int(new_relation.sum()),
        leaked=int(_among(own, facts).sum()),
        leaked_reversed=int((_among(codes.facts(turned), facts) & (head != tail)).sum()),
        leaked_pairs=int((linked & (head != tail)).sum()),
    )


def _among(values, ascending):
    """Which values are among others that are sorted: bools of the same shape."""
    if not len(ascending):
        return np.zeros(values.shape, dtype=bool)
    place = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return ascending[place] == values


def _difference(wanted, found):
    if len(wanted) != len(found):
        return f"Received: {len(found)} of them instead of {len(wanted)}."
    row = next(
        row for row, pair in enumerate(zip(wanted, found, strict=True)) if len(set(pair)) > 1
    )
    return f"Row {row} should be {wanted[row]!r}. {describe(found[row])}."
