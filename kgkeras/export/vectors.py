"""Vectors of entities or relations in files that other programs read, and from such files."""

import pathlib
from typing import NamedTuple

import numpy as np

from kgkeras.checks import describe, one_of
from kgkeras.export.vector_checks import CheckedRows, checked_names
from kgkeras.export.vector_files import FORMATS
from kgkeras.kg import GraphFormatError

_SUFFIXES = {
    ".npy": "npy",
    ".tsv": "tsv",
    ".bin": "word2vec_binary",
    ".txt": "word2vec",
    ".vec": "word2vec",
}


class Vectors(NamedTuple):
    """Vectors by name: row `i` of the float32 `matrix` is that of `names[i]`."""

    names: tuple[str, ...]
    matrix: np.ndarray


def write_vectors(names, matrix, path, *, format=None):
    """Writes vectors and their names: whole files, which take their places at the end.

    Formats, and what a name must not hold in them beside line ends (no name is ever changed):

    - `"npy"` (`.npy`): NumPy's file, and beside it `<stem>.names.tsv` with one name a line.
    - `"tsv"` (`.tsv`): name and numbers, separated by tabs. No tab.
    - `"word2vec"` (`.txt`, `.vec`): the counts, then name and numbers, separated by spaces. No
      white space: most readers would take the rest of the name for numbers.
    - `"word2vec_binary"` (`.bin`): the same with little-endian float32. No white space.
    - `"projector"`: a folder for TensorBoard's projector, `vectors.tsv`, `metadata.tsv` and
      `projector_config.pbtxt`; what else is in the folder stays. No tab.

    Text holds nine digits, enough for float32 to come back exactly.

    Args:
        names: Different, non-blank strings, at least one, such as `model.vocabulary.entities`.
        matrix: Finite numbers `(names, dim)`, such as `model.entity_vectors()`; written as
            float32.
        path: The file, or the folder for `"projector"`; replaced where there is one.
        format: One of the above; None takes it from the path's ending.

    Raises:
        ValueError: If there are no names, one is blank, repeated or not for the format, the matrix
            has another shape or a value that is not finite, or the ending tells no format.
    """
    path = pathlib.Path(path)
    format = _checked_format(path, format)
    names = checked_names(names, format)
    matrix = _checked_matrix(matrix, len(names))
    write, _ = FORMATS[format]
    write(names, matrix, path)


def read_vectors(path, *, format=None, only=None):
    """Reads what `write_vectors` or another program wrote, row by row.

    Text may be compressed (`.gz`) if `format` is given.

    Args:
        path: The file, or the folder for `"projector"`.
        format: As for `write_vectors`; a folder is `"projector"`.
        only: Names to keep, any container; other rows take no memory and their numbers are not
            looked at. None keeps all.

    Returns:
        `Vectors` in the order of the file.

    Raises:
        GraphFormatError: With file and line (or row), if a row has too many or too few numbers,
            something else than finite numbers, or a name that is blank or was there before; or if
            there are no rows, or not as many as a header or a second file says.
        ValueError: If the ending tells no format.
    """
    path = pathlib.Path(path)
    format = "projector" if format is None and path.is_dir() else _checked_format(path, format)
    _, read = FORMATS[format]
    kept = CheckedRows()
    for row in read(path):
        kept.add(row, wanted=only is None or row.name in only)
    if not kept.count:
        raise GraphFormatError("must have at least one row. Received: none.", path)
    return Vectors(tuple(kept.names), kept.matrix())


def _checked_format(path, format):
    if format is not None:
        return one_of("format", format, FORMATS)
    if path.suffix not in _SUFFIXES:
        raise ValueError(
            f"`format` must be given (one of {', '.join(FORMATS)}) unless the path ends in "
            f"{', '.join(_SUFFIXES)}. Received: {str(path)!r}."
        )
    return _SUFFIXES[path.suffix]


def _checked_matrix(matrix, rows):
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or len(matrix) != rows or not matrix.shape[1]:
        raise ValueError(
            f"`matrix` must have the shape ({rows}, dim): one row a name. "
            f"Received: shape {matrix.shape}."
        )
    if matrix.dtype.kind not in "fiu":
        raise ValueError(f"`matrix` must hold real numbers. {describe(matrix.dtype)}.")
    with np.errstate(over="ignore"):
        matrix = matrix.astype("<f4", order="C", copy=False)
    wrong = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(wrong):
        raise ValueError(
            f"`matrix` must hold finite float32 numbers. Received: {matrix[wrong[0]]} in row "
            f"{wrong[0]}."
        )
    return matrix
