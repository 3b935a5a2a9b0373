"""How each format of vectors lies in its files: rows out of them, rows into them."""

import contextlib
import itertools
import mmap
import os
import pathlib
import tempfile
from typing import Any, NamedTuple

import numpy as np

from kgkeras.kg import GraphFormatError
from kgkeras.kg.tables import read_lines

_PROJECTOR = ("vectors.tsv", "metadata.tsv", "projector_config.pbtxt")
_PROJECTOR_CONFIG = """embeddings {
  tensor_name: "vectors"
  tensor_path: "vectors.tsv"
  metadata_path: "metadata.tsv"
}
"""


class Row(NamedTuple):
    """One row as it was found: numbers may still be text, and too few.

    `line` counts from 1: of a text file the line, of another the row. `dim` is how many numbers
    the file promises, or None.
    """

    name: str
    numbers: Any
    file: pathlib.Path
    line: int
    dim: int | None = None


# === npy ===


def _names_file(path):
    return path.with_name(f"{path.stem}.names.tsv")


def _write_npy(names, matrix, path):
    with _replacing(path, _names_file(path)) as (vectors, listed):
        with vectors.open("wb") as file:
            np.save(file, matrix, allow_pickle=False)
        _write_lines(listed, names)


def _read_npy(path):
    try:
        matrix = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError) as error:
        raise GraphFormatError(f"must be a NumPy array: {error}.", path) from error
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise GraphFormatError(
            "must hold real numbers of the shape (names, dim). "
            f"Received: shape {matrix.shape}, dtype {matrix.dtype}.",
            path,
        )
    yield from _named(enumerate(matrix, 1), path, _names_file(path))


# === Text, separated by tabs ===


def _write_tsv(names, matrix, path):
    with _replacing(path) as (file,):
        _write_lines(file, _texts(matrix, "\t", names))


def _read_tsv(path):
    for line, text in read_lines(path):
        name, *numbers = text.split("\t")
        yield Row(name, numbers, path, line)


# === word2vec ===


def _write_word2vec(names, matrix, path):
    with _replacing(path) as (file,):
        header = "{} {}".format(*matrix.shape)
        _write_lines(file, itertools.chain([header], _texts(matrix, " ", names)))


def _read_word2vec(path):
    lines = read_lines(path)
    rows, dim = _header(next(lines, (1, ""))[1], path)
    found = 0
    for line, text in lines:
        found += 1
        # The name ends at the first space; programs put one behind the last number, too.
        name, _, numbers = text.partition(" ")
        yield Row(name, numbers.split(), path, line, dim)
    if found != rows:
        raise GraphFormatError(
            f"must hold {rows} rows, as its first line says. Received: {found}.", path
        )


def _write_word2vec_binary(names, matrix, path):
    with _replacing(path) as (file,), file.open("wb") as opened:
        opened.write("{} {}\n".format(*matrix.shape).encode())
        for name, row in zip(names, matrix, strict=True):
            opened.write(name.encode() + b" " + row.tobytes() + b"\n")


def _read_word2vec_binary(path):
    with path.open("rb") as file:
        first = file.readline(100)
        rows, dim = _header(first.decode("latin-1"), path)
        # mmap takes no empty file, but a header has been read.
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            place = len(first)
            for row in range(1, rows + 1):
                space = content.find(b" ", place)
                end = space + 1 + 4 * dim
                if space < 0 or end > len(content):
                    raise GraphFormatError(
                        f"must hold {rows} rows of {dim} numbers, as its first line says. The "
                        "file ends in this one.",
                        path,
                        row,
                    )
                # Some programs end a row by a line feed, others do not.
                name = _decoded(content[place:space].lstrip(b"\n"), path, row)
                numbers = np.frombuffer(content[space + 1 : end], dtype="<f4")
                yield Row(name, numbers, path, row, dim)
                place = end
            if content[place:].strip(b"\n"):
                raise GraphFormatError(
                    f"must end after {rows} rows of {dim} numbers, as its first line says. "
                    f"Received: {len(content) - place} bytes more.",
                    path,
                )


def _header(line, path):
    fields = line.split()
    counts = [int(field) for field in fields if field.isascii() and field.isdigit()]
    if not len(fields) == len(counts) == 2 or not counts[1]:
        raise GraphFormatError(
            f"must begin with the numbers of rows and columns. Received: {line[:80]!r}.", path, 1
        )
    return counts


def _decoded(name, path, row):
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise GraphFormatError(f"the name must be UTF-8. Received: {name!r}.", path, row) from error


# === TensorBoard's projector ===


def _write_projector(names, matrix, path):
    path.mkdir(parents=True, exist_ok=True)
    with _replacing(*(path / name for name in _PROJECTOR)) as (vectors, metadata, config):
        _write_lines(vectors, _texts(matrix, "\t"))
        _write_lines(metadata, names)
        config.write_text(_PROJECTOR_CONFIG, encoding="utf-8")


def _read_projector(path):
    vectors, metadata = (path / name for name in _PROJECTOR[:2])
    rows = ((line, text.split("\t")) for line, text in read_lines(vectors))
    yield from _named(rows, vectors, metadata)


# === Shared ===


@contextlib.contextmanager
def _replacing(*paths):
    """Yields paths to write to; the files take their places once all are whole."""
    with tempfile.TemporaryDirectory(dir=paths[0].parent, prefix=f".{paths[0].name}.") as scratch:
        beside = [pathlib.Path(scratch) / path.name for path in paths]
        yield beside
        for written, path in zip(beside, paths, strict=True):
            os.replace(written, path)


def _write_lines(path, lines):
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def _texts(matrix, separator, names=None):
    """Each row of numbers as text, behind its name where there are names."""
    form = separator.join(["%.9g"] * matrix.shape[1])  # Nine digits tell every float32 apart.
    rows = (form % tuple(row.tolist()) for row in matrix)
    if names is None:
        return rows
    return (name + separator + row for name, row in zip(names, rows, strict=True))


def _named(rows, file, listed):
    """The `(line, numbers)` of one file with the names of another, one a line."""
    for row, name in itertools.zip_longest(rows, read_lines(listed)):
        if row is None or name is None:
            raise GraphFormatError(
                f"must have one line for each row of {file.name}. "
                f"Received: {'more' if row is None else 'fewer'} lines than rows.",
                listed,
            )
        yield Row(name[1], row[1], file, row[0])


# A writer takes names, matrix and path; a reader takes the path and yields rows.
FORMATS = {
    "npy": (_write_npy, _read_npy),
    "projector": (_write_projector, _read_projector),
    "tsv": (_write_tsv, _read_tsv),
    "word2vec": (_write_word2vec, _read_word2vec),
    "word2vec_binary": (_write_word2vec_binary, _read_word2vec_binary),
}
