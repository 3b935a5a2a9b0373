"""A knowledge graph: facts over a vocabulary of entities and one of relations."""

import dataclasses
import functools
import types

import numpy as np

from kgkeras.checks import describe, one_of
from kgkeras.kg import inverse, partition
from kgkeras.kg.adjacency import Adjacency
from kgkeras.kg.texts import Texts

_COLUMNS = ("head", "relation", "tail")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class KnowledgeGraph:
    """Facts `(head, relation, tail)` as ids into two vocabularies. Nothing in it can be changed.

    Facts keep their order, and may be repeated.

    Args:
        entities: Unique identifiers; the entity of id `i` is `entities[i]`.
        relations: Unique identifiers; the relation of id `r` is `relations[r]`.
        triples: Integer array `(facts, 3)` of head, relation and tail ids.
        entity_texts: `Texts` as long as `entities`; None where nothing is known.
        relation_texts: `Texts` as long as `relations`; None where nothing is known.

    Raises:
        ValueError: If an identifier is repeated, blank or no string, an id is out of range, or
            shape, dtype or length is wrong.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    triples: np.ndarray
    entity_texts: Texts | None = dataclasses.field(default=None, kw_only=True)
    relation_texts: Texts | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self):
        for kind, field in (("entity", "entities"), ("relation", "relations")):
            identifiers = _checked_identifiers(field, getattr(self, field))
            texts = _checked_texts(f"{kind}_texts", getattr(self, f"{kind}_texts"), identifiers)
            object.__setattr__(self, field, identifiers)
            object.__setattr__(self, f"{kind}_texts", texts)
        sizes = (self.num_entities, self.num_relations, self.num_entities)
        object.__setattr__(self, "triples", _checked_triples(self.triples, sizes))

    def __reduce__(self):
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return functools.partial(type(self), **fields), ()  # Indices, too, are made anew.

    @classmethod
    def from_triples(
        cls, labelled, *, entities=None, relations=None, entity_texts=None, relation_texts=None
    ):
        """A graph of facts given as identifiers.

        Args:
            labelled: Iterable of `(head, relation, tail)` identifiers.
            entities: The vocabulary; None takes the entities in the order they are first seen,
                the head before the tail.
            relations: The vocabulary; None takes the relations in the order they are first seen.
            entity_texts: As in the constructor.
            relation_texts: As in the constructor.

        Raises:
            ValueError: If a fact names an entity or relation that a given vocabulary lacks.
        """
        labelled = list(labelled)
        if entities is None:
            entities = dict.fromkeys(end for head, _, tail in labelled for end in (head, tail))
        if relations is None:
            relations = dict.fromkeys(relation for _, relation, _ in labelled)
        entities, relations = tuple(entities), tuple(relations)
        return cls(
            entities,
            relations,
            _ids(labelled, _index(entities), _index(relations)),
            entity_texts=entity_texts,
            relation_texts=relation_texts,
        )

    @property
    def num_entities(self):
        """Number of entities in the vocabulary, with or without facts."""
        return len(self.entities)

    @property
    def num_relations(self):
        """Number of relations in the vocabulary, with or without facts."""
        return len(self.relations)

    @property
    def num_triples(self):
        """Number of facts; a repeated fact counts each time."""
        return len(self.triples)

    @functools.cached_property
    def entity_index(self):
        """Read-only mapping of entity identifier to id."""
        return types.MappingProxyType(_index(self.entities))

    @functools.cached_property
    def relation_index(self):
        """Read-only mapping of relation identifier to id."""
        return types.MappingProxyType(_index(self.relations))

    def entity_name(self, i):
        """Name of entity `i`: its text where there is one, else its identifier."""
        return self.entity_texts.names[i] or self.entities[i]

    def relation_name(self, i):
        """Name of relation `i`: its text where there is one, else its identifier."""
        return self.relation_texts.names[i] or self.relations[i]

    def with_triples(self, triples):
        """A graph of other facts over the same vocabularies and texts."""
        return dataclasses.replace(self, triples=triples)

    def with_inverses(self):
        """A graph that also tells each fact from its tail; see `kg.inverse`."""
        return inverse.with_inverses(self)

    def facts_of(self, entity, direction="both"):
        """Facts that touch an entity, found in time proportional to their number.

        Args:
            entity: Id of an entity.
            direction: `"out"` for facts it is the head of, `"in"` for facts it is the tail of,
                `"both"` for either.

        Returns:
            Integer array `(degree, 3)`, in the order of `triples`.

        Raises:
            ValueError: If there is no such entity or direction.
        """
        one_of("direction", direction, ("out", "in", "both"))
        if not 0 <= entity < self.num_entities:
            raise ValueError(f"`entity` must lie in [0, {self.num_entities}). {describe(entity)}.")
        rows = [
            adjacency.rows(entity)
            for way, adjacency in (("out", self._by_head), ("in", self._by_tail))
            if direction in (way, "both")
        ]
        # A fact about an entity and itself is in both lists, and told once.
        rows = rows[0] if len(rows) == 1 else np.union1d(*rows)
        return self.triples[rows]

    def neighbours(self, entity, direction="both"):
        """Distinct entities one fact away, ascending: an integer array `(neighbours,)`.

        Arguments and errors are those of `facts_of`. An entity is its own neighbour only where a
        fact says so.
        """
        facts = self.facts_of(entity, direction)
        head, tail = facts[:, 0], facts[:, 2]
        return np.unique(np.where(head == entity, tail, head))

    def subgraph(self, entities, *, compact=False):
        """The graph of the facts whose head and tail are both among `entities`.

        Args:
            entities: Ids, in any order.
            compact: False keeps both vocabularies, so that ids stay what they were. True keeps
                only `entities` and the relations that still have a fact, renumbered in order.

        Raises:
            ValueError: If an id is out of range.
        """
        return partition.subgraph(self, entities, compact=compact)

    def shuffled(self, seed=0):
        """A control that knows as much and means nothing: entities swap their places.

        Each entity takes over the facts of another one of the same type (of any, where there are
        no types), by one permutation. Degrees, relations and structure stay; who is meant does
        not. Vocabularies and texts stay with their ids.
        """
        return partition.shuffled(self, seed)

    def split(self, valid=0.1, test=0.1, seed=0):
        """Splits the distinct facts at random into three graphs over the same vocabularies.

        Where the sizes allow it, every entity and relation that has a fact has one in train. A fact
        and its reverse `(t, r, h)` stay together, so that valid or test may be one fact short.

        Args:
            valid: Share of the facts that go to validation, in `[0, 1)`.
            test: Share of the facts that go to test, in `[0, 1)`.
            seed: Seed of the choice.

        Returns:
            `Splits`. Repeated facts are told once, as they would leak from one into another.

        Raises:
            ValueError: If the shares leave nothing to train on, or inverse relations are there.
        """
        return partition.split(self, valid=valid, test=test, seed=seed)

    @functools.cached_property
    def _by_head(self):
        return Adjacency(self.triples[:, 0], self.num_entities)

    @functools.cached_property
    def _by_tail(self):
        return Adjacency(self.triples[:, 2], self.num_entities)

    def __len__(self):
        return self.num_triples

    def __eq__(self, other):
        if not isinstance(other, KnowledgeGraph):
            return NotImplemented
        return (
            self.entities == other.entities
            and self.relations == other.relations
            and np.array_equal(self.triples, other.triples)
            and self.entity_texts == other.entity_texts
            and self.relation_texts == other.relation_texts
        )

    __hash__ = None

    def __repr__(self):
        sizes = f"{self.num_entities:,} entities, {self.num_relations:,} relations"
        return f"KnowledgeGraph({sizes}, {self.num_triples:,} facts)"


def _index(identifiers):
    return {identifier: i for i, identifier in enumerate(identifiers)}


def _ids(labelled, entity_index, relation_index):
    """Ids `(facts, 3)` of facts given as identifiers."""
    indices = (entity_index, relation_index, entity_index)
    ids = np.empty((len(labelled), 3), dtype="int32")
    for column, (name, index) in enumerate(zip(_COLUMNS, indices, strict=True)):
        try:
            ids[:, column] = [index[fact[column]] for fact in labelled]
        except KeyError as error:
            row = next(row for row, fact in enumerate(labelled) if fact[column] not in index)
            raise ValueError(
                f"Fact {row}: the {name} must be in the vocabulary of {len(index)}. "
                f"{describe(labelled[row][column])}."
            ) from error
    return ids


def _checked_identifiers(field, identifiers):
    if isinstance(identifiers, str):
        raise ValueError(f"`{field}` must be a sequence of strings. {describe(identifiers)}.")
    identifiers = tuple(identifiers)
    for row, identifier in enumerate(identifiers):
        if not isinstance(identifier, str) or not identifier.strip():
            raise ValueError(
                f"Row {row} of `{field}` must be a string that is not blank. "
                f"{describe(identifier)}."
            )
    if len(index := _index(identifiers)) < len(identifiers):
        first = next(row for row, name in enumerate(identifiers) if index[name] != row)
        raise ValueError(
            f"`{field}` must be unique. Received: {identifiers[first]!r} in rows {first} and "
            f"{index[identifiers[first]]}."
        )
    return identifiers


def _checked_texts(field, texts, identifiers):
    if texts is None:
        return Texts.empty(len(identifiers))
    if not isinstance(texts, Texts) or len(texts) != len(identifiers):
        length = f"{len(texts)} entries" if isinstance(texts, Texts) else type(texts).__name__
        raise ValueError(
            f"`{field}` must be `Texts` of {len(identifiers)} entries. Received: {length}."
        )
    return texts


def _checked_triples(triples, sizes):
    triples = np.asarray(triples)
    if triples.size == 0 and triples.ndim <= 2:
        triples = np.zeros((0, 3), dtype="int32")
    if triples.ndim != 2 or triples.shape[1] != 3 or not np.issubdtype(triples.dtype, np.integer):
        raise ValueError(
            "`triples` must be an integer array of shape (facts, 3). "
            f"Received: shape {triples.shape}, dtype {triples.dtype}."
        )
    wrong = (triples < 0) | (triples >= np.asarray(sizes))
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"The {_COLUMNS[column]} in row {row} of `triples` must lie in [0, {sizes[column]}). "
            f"Received: {int(triples[row, column])}."
        )
    triples = triples.astype("int32", order="C", copy=True)
    triples.flags.writeable = False
    return triples
