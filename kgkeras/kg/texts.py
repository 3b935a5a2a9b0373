"""What words are known about the entities or relations of a graph."""

import dataclasses

from kgkeras.checks import describe

_STRING_FIELDS = ("names", "descriptions", "types")


@dataclasses.dataclass(frozen=True)
class Texts:
    """Names, descriptions, aliases and types: row `i` is about entry `i` of a vocabulary.

    A field that is None is filled with empty entries, as many as the other fields have.

    Args:
        names: One string an entry, `""` where there is none. Names need not be unique.
        descriptions: One string an entry, `""` where there is none.
        aliases: One tuple of strings an entry, `()` where there are none.
        types: One string an entry, `""` where there is none.

    Raises:
        ValueError: If the fields differ in length, or an entry has the wrong type.
    """

    names: tuple[str, ...] | None = None
    descriptions: tuple[str, ...] | None = None
    aliases: tuple[tuple[str, ...], ...] | None = None
    types: tuple[str, ...] | None = None

    def __post_init__(self):
        given = {
            field.name: tuple(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if getattr(self, field.name) is not None
        }
        lengths = {name: len(values) for name, values in given.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"The fields of `Texts` must be equally long. Received: {lengths}.")
        for name in _STRING_FIELDS:
            _check_strings(name, given.get(name, ()))
        if "aliases" in given:
            given["aliases"] = _checked_aliases(given["aliases"])
        length = next(iter(lengths.values()), 0)
        for field in dataclasses.fields(self):
            empty = () if field.name == "aliases" else ""
            object.__setattr__(self, field.name, given.get(field.name, (empty,) * length))

    def __len__(self):
        return len(self.names)

    @classmethod
    def empty(cls, length):
        """Texts of `length` entries about which nothing is known."""
        return cls(names=("",) * length)

    @classmethod
    def look_up(cls, identifiers, *, names=None, descriptions=None, aliases=None, types=None):
        """Texts of `identifiers`, in their order, from mappings of identifier to text.

        What a mapping says about other identifiers is left out; what it does not say is empty.
        """
        given = {"names": names, "descriptions": descriptions, "types": types}
        strings = {
            field: tuple(mapping.get(identifier, "") for identifier in identifiers)
            for field, mapping in given.items()
            if mapping
        }
        if aliases:
            strings["aliases"] = tuple(tuple(aliases.get(i, ())) for i in identifiers)
        return cls(**strings) if strings else cls.empty(len(identifiers))

    def take(self, ids):
        """Texts of the entries `ids`, in that order."""
        ids = [int(i) for i in ids]
        return Texts(
            *(tuple(getattr(self, f.name)[i] for i in ids) for f in dataclasses.fields(self))
        )


def _check_strings(name, values):
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise ValueError(f"Row {row} of `{name}` must be a string. {describe(value)}.")


def _checked_aliases(values):
    for row, value in enumerate(values):
        if isinstance(value, str) or not all(isinstance(alias, str) for alias in value):
            raise ValueError(
                f"Row {row} of `aliases` must be strings in a tuple. {describe(value)}."
            )
    return tuple(tuple(value) for value in values)
