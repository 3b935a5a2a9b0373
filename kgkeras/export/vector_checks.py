"""Checks of names and rows of numbers on their way into and out of files."""

import array

import numpy as np

from kgkeras.kg import GraphFormatError

_LINE_ENDS = "\n\r"


def checked_names(names, format):
    """Returns `names` as a tuple, or raises `ValueError` unless `format` can hold each of them.

    Args:
        names: Iterable of strings.
        format: One of `vector_files.FORMATS`.
    """
    names = tuple(names)
    if not names:
        raise ValueError("`names` must hold at least one name. Received: none.")
    seen = set()
    for row, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"Row {row} of `names` must be a string, not blank: {name!r}.")
        if name in seen:
            raise ValueError(f"`names` must be unique. Received: {name!r} again in row {row}.")
        seen.add(name)
        fault = _fault(name, format)
        if fault:
            raise ValueError(
                f"Row {row} of `names` must hold no {fault} in the format {format!r}. "
                f"Received: {name!r}. Give other names, or choose another format."
            )
    return names


def _fault(name, format):
    if any(character in name for character in _LINE_ENDS):
        return "line end"
    if format in ("tsv", "projector") and "\t" in name:
        return "tab"
    if format.startswith("word2vec") and name.split() != [name]:
        return "white space"
    return None


class CheckedRows:
    """Rows of a file that were found right.

    Attributes:
        names: Those that were kept, in order.
        count: How many rows there were, kept or not.
    """

    def __init__(self):
        self.names = []
        self._seen = set()
        self._dim = None
        # Grows by parts: a header that promises too much costs nothing.
        self._numbers = array.array("f")

    def add(self, row, wanted=True):
        """Checks a `vector_files.Row`, and keeps it if it is `wanted`.

        Raises:
            GraphFormatError: If its name is blank or was there before, or its numbers are not as
                many as in the row before, or one is not finite.
        """
        if not row.name.strip():
            raise GraphFormatError("the name must not be blank.", row.file, row.line)
        if row.name in self._seen:
            raise GraphFormatError(
                f"each name must stand in one row. Received: {row.name!r} again.",
                row.file,
                row.line,
            )
        self._seen.add(row.name)
        if self._dim is None:
            self._dim = max(len(row.numbers), 1) if row.dim is None else row.dim
        if len(row.numbers) != self._dim:
            raise GraphFormatError(
                f"must have {self._dim} numbers. Received: {len(row.numbers)}, for {row.name!r}.",
                row.file,
                row.line,
            )
        if wanted:
            self._numbers.frombytes(_finite(row).tobytes())
            self.names.append(row.name)

    @property
    def count(self):
        return len(self._seen)

    def matrix(self):
        """The numbers: float32 `(names, dim)`."""
        numbers = np.frombuffer(self._numbers, dtype="float32")
        return numbers.reshape(len(self.names), self._dim).copy()


def _finite(row):
    try:
        with np.errstate(over="ignore"):
            numbers = np.asarray(row.numbers, dtype="float64").astype("float32")
    except ValueError as error:
        raise GraphFormatError(
            f"must hold numbers. Received, for {row.name!r}: {error}.", row.file, row.line
        ) from error
    if not np.isfinite(numbers).all():
        place = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise GraphFormatError(
            f"must hold finite float32 numbers. Received: {row.numbers[place]} in column "
            f"{place + 1}, for {row.name!r}.",
            row.file,
            row.line,
        )
    return numbers
