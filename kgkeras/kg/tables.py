"""Tables of text, tab or comma separated: read with the line in every error, and written."""

import csv
import gzip
import io
import itertools
import os
import pathlib
import tempfile
import zlib

from kgkeras.kg.errors import GraphFormatError

_DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}


def read_text(path):
    """The content of a UTF-8 file, through gzip where it ends in `.gz`; a byte order mark goes.

    Raises:
        GraphFormatError: If the content is no UTF-8 (with the line), or no whole gzip file.
    """
    return "".join(line for _, line in _whole_lines(path))


def read_lines(path):
    """Yields `(line number, line)` of the lines that are not blank, without their CRLF or LF.

    The file is read as the lines are asked for, so it may be larger than memory.

    Raises:
        GraphFormatError: As `read_text`.
    """
    for number, line in _whole_lines(path):
        if not line.isspace():
            yield number, line.rstrip("\r\n")


def read_table(path, columns=("head", "relation", "tail"), *, delimiter=None, header=None):
    """Rows of a table, each a tuple of the fields that `columns` names, in that order.

    Blank lines are skipped, CRLF and a byte order mark tolerated, `.gz` decompressed, white space
    around a field dropped. Quotes mean something between commas (as in the `csv` module), nothing
    otherwise.

    Args:
        path: The file.
        columns: Names of the wanted columns. Without a header line, the names of all columns of
            the file in their order.
        delimiter: One character; None takes tab for `.tsv` and `.txt`, comma for `.csv`.
        header: Whether the first line names the columns, in upper or lower case. None finds out:
            it does where it holds all the wanted names. Where it holds some of them it could be
            either, which must be said.

    Raises:
        GraphFormatError: If the file has no rows, lacks a column, names only some in its first
            line, or is no UTF-8; or if a line has too many or too few fields, or a blank one.
        ValueError: If the suffix does not tell the delimiter.
    """
    if delimiter is None:
        delimiter = _delimiter(path)
    rows = _csv_rows(path) if delimiter == "," else _plain_rows(path, delimiter)
    wanted = list(columns)
    first = next(rows, None)
    found = wanted if first is None else _header(path, *first, wanted, header)
    if found is None:  # the first line is no header
        found = wanted
        rows = itertools.chain([first], rows)
    whole = found == wanted
    places = [found.index(name) for name in wanted]
    table = []
    for line, row in rows:
        if len(row) != len(found):
            raise GraphFormatError(
                f"must have {len(found)} fields {found}. Received: {len(row)}: {row}.", path, line
            )
        fields = tuple(map(str.strip, row if whole else [row[place] for place in places]))
        if not all(fields):
            raise GraphFormatError(f"must have no blank field. Received: {row}.", path, line)
        table.append(fields)
    if not table:
        raise GraphFormatError("must have at least one row. Received: none.", path)
    return table


def _header(path, line, row, wanted, header):
    """The names of all columns, as the first line gives them; None where it is no header."""
    if header is False:
        return None
    names = [name.strip() for name in row]
    if not set(wanted) <= set(names):
        spelled = {name.casefold(): name for name in wanted}
        names = [spelled.get(name.casefold(), name) for name in names]
    missing = [name for name in wanted if name not in names]
    if missing and (header or len(missing) < len(wanted)):
        hint = "" if header else " If that line is a row, give `header=False`."
        raise GraphFormatError(
            f"must have the columns {wanted}. Received: {names}, without {missing}.{hint}",
            path,
            line,
        )
    return None if missing else names


def write_table(path, rows, columns=("head", "relation", "tail"), *, delimiter=None):
    """Writes a table with a header line that `read_table` reads back; all of it or nothing.

    Args:
        path: The file, replaced where there is one.
        rows: Iterable of rows, each as long as `columns`, of strings that are not blank, without
            white space around them.
        columns: Names of the columns.
        delimiter: As in `read_table`.

    Raises:
        ValueError: If a row has too many or too few fields, a blank one, one in white space, or,
            where no comma separates the fields, one that holds the delimiter or a line end.
    """
    path = pathlib.Path(path)
    delimiter = _delimiter(path) if delimiter is None else delimiter
    buffer = io.StringIO(newline="")
    if delimiter == ",":
        # Ends lines as RFC 4180 wants, because then both CR and LF are quoted within a field.
        write = csv.writer(buffer, lineterminator="\r\n").writerow
    else:

        def write(row):
            buffer.write(delimiter.join(row) + "\n")

    write(list(columns))
    for number, row in enumerate(rows):
        _check_row(number, row, columns, delimiter)
        write(row)
    content = buffer.getvalue().encode("utf-8")
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    replace_file(path, content)


def replace_file(path, content):
    """Writes bytes to a file: beside it first, then in one step in its place."""
    path = pathlib.Path(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as scratch:
        beside = pathlib.Path(scratch) / path.name
        beside.write_bytes(content)
        os.replace(beside, path)


def _whole_lines(path):
    """Yields `(line number, line)` with the line ends, decoded one at a time."""
    path = pathlib.Path(path)
    encoding = "utf-8-sig"
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield number, _decoded(line, encoding, path, number)
                encoding = "utf-8"
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise GraphFormatError(f"must be a whole gzip file: {error}.", path) from error


def _decoded(line, encoding, path, number):
    try:
        return line.decode(encoding)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise GraphFormatError(
            f"must be UTF-8. Received: byte 0x{byte:02x}.", path, number
        ) from error


def _delimiter(path):
    path = pathlib.Path(path)
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if suffix not in _DELIMITERS:
        raise ValueError(
            f"`delimiter` must be given unless the file ends in {', '.join(_DELIMITERS)}. "
            f"Received: {str(path)!r}."
        )
    return _DELIMITERS[suffix]


def _plain_rows(path, delimiter):
    return ((number, line.split(delimiter)) for number, line in read_lines(path))


def _csv_rows(path):
    reader = csv.reader((line for _, line in _whole_lines(path)), strict=True)
    try:
        for row in reader:
            if len(row) > 1 or "".join(row).strip():
                yield reader.line_num, row
    except csv.Error as error:
        raise GraphFormatError(f"must be CSV: {error}.", path, reader.line_num) from error


def _check_row(number, row, columns, delimiter):
    if len(row) != len(columns) or not all(map(str.strip, row)):
        raise ValueError(
            f"Row {number} must have {len(columns)} fields that are not blank. Received: {row!r}."
        )
    if any(field != field.strip() for field in row):
        raise ValueError(
            f"Row {number} must have no white space around a field. Received: {row!r}."
        )
    if delimiter != "," and any(c in field for field in row for c in (delimiter, "\n", "\r")):
        raise ValueError(
            f"Row {number} must hold no {delimiter!r} and no line end, which only CSV can quote. "
            f"Received: {row!r}."
        )
