"""One way to read a graph from whatever file holds it."""

import pathlib

from kgkeras.kg import rdf
from kgkeras.kg.graph import KnowledgeGraph
from kgkeras.kg.tables import read_table

_TABLES = (".csv", ".tsv", ".txt")
_RDF = {".nt": rdf.read_ntriples, ".ttl": rdf.read_turtle}


def read(path, *, columns=("head", "relation", "tail"), delimiter=None, header=None):
    """Reads a graph from a file, by its suffix, which `.gz` may follow.

    Args:
        path: `.tsv`, `.txt` or `.csv` for a table of facts (see `read_table`), `.nt` for
            N-Triples, `.ttl` for Turtle (see `kg.rdf`).
        columns: Tables only: the names of the columns, of which the three facts are made of must
            be named `head`, `relation` and `tail`; in the order of the file where it has no header.
        delimiter: Tables only, as in `read_table`.
        header: Tables only, as in `read_table`.

    Returns:
        A `KnowledgeGraph`.

    Raises:
        GraphFormatError: If the file does not hold what it should.
        ValueError: If the suffix is unknown, or `columns` lacks one of the three.
    """
    path = pathlib.Path(path)
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if suffix in _RDF:
        return _RDF[suffix](path)
    if suffix not in _TABLES and delimiter is None:
        raise ValueError(
            f"The file must end in one of {', '.join((*_TABLES, *_RDF))}, which .gz may follow, or "
            f"`delimiter` be given. Received: {str(path)!r}."
        )
    return KnowledgeGraph.from_triples(
        read_triples(path, columns=columns, delimiter=delimiter, header=header)
    )


def read_triples(path, *, columns=("head", "relation", "tail"), delimiter=None, header=None):
    """Reads the facts of a table as a list of `(head, relation, tail)` identifiers; see `read`."""
    columns = list(columns)
    missing = {"head", "relation", "tail"} - set(columns)
    if missing:
        raise ValueError(
            f"`columns` must name head, relation and tail. Received: {columns}, without "
            f"{sorted(missing)}."
        )
    rows = read_table(path, columns, delimiter=delimiter, header=header)
    places = [columns.index(name) for name in ("head", "relation", "tail")]
    if places == [0, 1, 2] and len(columns) == 3:
        return rows
    head, relation, tail = places
    return [(row[head], row[relation], row[tail]) for row in rows]
