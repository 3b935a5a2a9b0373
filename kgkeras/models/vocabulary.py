"""The names behind a model's ids."""

import dataclasses
import difflib
import functools
import json
import pathlib

from kgkeras.checks import describe

_FILE = "vocabulary.json"
# Suggestions compare a wrong name with every right one: not worth the wait beyond this.
_MOST_COMPARED = 100_000


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Identifiers of entities and relations, and names to show for the entities.

    Args:
        entities: Identifiers; entity `i` is `entities[i]`.
        relations: Identifiers; relation `r` is `relations[r]`.
        entity_names: Names to show, as many as entities; the identifiers themselves if None. A
            name that only one entity has may stand for its identifier in a question.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    entity_names: tuple[str, ...] | None = None

    def __post_init__(self):
        for field in ("entities", "relations"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        names = self.entities if self.entity_names is None else tuple(self.entity_names)
        if len(names) != len(self.entities):
            raise ValueError(
                f"`entity_names` must be as many as the entities, {len(self.entities)}. "
                f"Received: {len(names)}."
            )
        object.__setattr__(self, "entity_names", names)

    @classmethod
    def from_graph(cls, graph):
        """The vocabulary of a `kgkeras.kg.KnowledgeGraph` or of splits."""
        texts = getattr(graph, "train", graph)
        names = tuple(texts.entity_name(i) for i in range(texts.num_entities))
        return cls(graph.entities, graph.relations, names)

    def of_sizes(self, num_entities, num_relations):
        """The vocabulary itself, or `ValueError` unless it has as many names as a model needs."""
        found = len(self.entities), len(self.relations)
        if found != (num_entities, num_relations):
            raise ValueError(
                f"`vocabulary` must name {num_entities} entities and {num_relations} relations. "
                f"Received: {found[0]} and {found[1]}."
            )
        return self

    def entity_id(self, name):
        """The id of an entity, by identifier or by a name that no other entity has.

        Raises:
            ValueError: If the name is unknown, or several entities have it.
        """
        if name in self._entity_index:
            return self._entity_index[name]
        ids = self._name_index.get(name, ())
        if len(ids) > 1:
            some = ", ".join(repr(self.entities[i]) for i in ids[:5])
            raise ValueError(
                f"`{name}` is the name of {len(ids)} entities; ask by identifier: {some}."
            )
        if not ids:
            raise ValueError(_unknown("an entity", name, (*self.entities, *self._name_index)))
        return ids[0]

    def relation_id(self, name):
        """The id of a relation, by identifier.

        Raises:
            ValueError: If the identifier is unknown.
        """
        if name not in self._relation_index:
            raise ValueError(_unknown("a relation", name, self.relations))
        return self._relation_index[name]

    def extended(self, entities, entity_names=None):
        """A vocabulary with further entities behind the others.

        Raises:
            ValueError: If an identifier is repeated or there already.
        """
        seen = set(self.entities)
        for name in entities:
            if name in seen:
                raise ValueError(f"`entities` must be new and unique. Received: {name!r}.")
            seen.add(name)
        names = self.entity_names + tuple(entity_names or entities)
        return Vocabulary(self.entities + tuple(entities), self.relations, names)

    def save(self, folder):
        """Writes one JSON file into `folder`."""
        text = json.dumps(dataclasses.asdict(self), ensure_ascii=False)
        (pathlib.Path(folder) / _FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder):
        """Reads what `save` wrote."""
        return cls(**json.loads((pathlib.Path(folder) / _FILE).read_text(encoding="utf-8")))

    @functools.cached_property
    def _entity_index(self):
        return {name: i for i, name in enumerate(self.entities)}

    @functools.cached_property
    def _relation_index(self):
        return {name: i for i, name in enumerate(self.relations)}

    @functools.cached_property
    def _name_index(self):
        index = {}
        for i, name in enumerate(self.entity_names):
            index.setdefault(name, []).append(i)
        return index


def _unknown(kind, name, known):
    message = f"The name of {kind} was wanted. {describe(name)}"
    if isinstance(name, str) and len(known) <= _MOST_COMPARED:
        close = difflib.get_close_matches(name, known, n=3)
        if close:
            message += f", which is unknown; perhaps one of {', '.join(map(repr, close))}"
    return message + "."
