"""Facts from a folder of one's own."""

import pathlib

from kgkeras.datasets.registry import BENCHMARKS
from kgkeras.kg import Splits, Texts, read_triples
from kgkeras.kg.errors import GraphFormatError
from kgkeras.kg.tables import read_lines

_SPLITS = ("train", "valid", "test")


def load_folder(folder):
    """Reads `Splits` from a folder, unverified.

    A folder that has the name and the files of a benchmark is read as that benchmark. Any other
    holds `train.txt`, `valid.txt` and `test.txt` (head, relation and tail, tab separated, with or
    without a header line of these three names), and may hold `entity2text.txt` and
    `relation2text.txt` (identifier, name and, where there is one, description, tab separated).

    Raises:
        FileNotFoundError: If a split is missing.
        GraphFormatError: If a file does not hold what it should.
    """
    folder = pathlib.Path(folder).absolute()
    for benchmark in BENCHMARKS:
        paths = _paths(benchmark, folder)
        if paths is not None:
            return read_splits(paths, benchmark.read_texts, columns=benchmark.columns)
    paths = {split: folder / f"{split}.txt" for split in _SPLITS}
    for path in paths.values():
        if not path.is_file():
            raise FileNotFoundError(
                f"The folder {folder} must hold train.txt, valid.txt and test.txt. "
                f"Received: no {path.name}."
            )
    for role, name in (("entities", "entity2text.txt"), ("relations", "relation2text.txt")):
        if (folder / name).is_file():
            paths[role] = folder / name
    return read_splits(paths, _own_texts, header=None)


def read_splits(
    paths, read_texts, relations=None, *, columns=("head", "relation", "tail"), header=False
):
    """`Splits` from the paths of its files, with the texts that `read_texts` finds in them.

    Args:
        paths: Dict of path by role, with `train`, `valid` and `test`.
        read_texts: As in `Benchmark`; None where no words are known.
        relations: As in `Splits.from_triples`.
        columns: As in `read_triples`.
        header: As in `read_table`; benchmarks are published without. With None, a first line that
            holds one of the names is no header: a fact may do so.
    """
    headers = {
        split: False if header is None and _is_fact(paths[split], columns) else header
        for split in _SPLITS
    }
    splits = Splits.from_triples(
        *(read_triples(paths[split], columns=columns, header=headers[split]) for split in _SPLITS),
        relations=relations,
    )
    if read_texts is None:
        return splits
    entity_texts, relation_texts = read_texts(paths, splits.entities, splits.relations)
    return splits.with_texts(entity_texts=entity_texts, relation_texts=relation_texts)


def _is_fact(path, columns):
    """Whether a file's first line that is not blank names at most one of the columns."""
    lines = (line for _, line in read_lines(path) if line.strip())
    names = {name.strip().casefold() for name in next(lines, "").split("\t")}
    return len(names.intersection(columns)) <= 1


def _paths(benchmark, folder):
    """The benchmark's files in a folder; None where it is not the folder of that benchmark."""
    if folder.name != benchmark.folder.name:
        return None
    root = folder.parents[len(benchmark.folder.parts) - 1]
    paths = {role: root / file.path for role, file in benchmark.files.items()}
    found = {role: path for role, path in paths.items() if path.is_file()}
    needed = {role for role, file in benchmark.files.items() if not file.optional}
    return found if needed <= set(found) else None


def _own_texts(paths, entities, relations):
    return (
        _read_texts(paths["entities"], entities) if "entities" in paths else None,
        _read_texts(paths["relations"], relations) if "relations" in paths else None,
    )


def _read_texts(path, identifiers):
    names, descriptions = {}, {}
    for number, line in read_lines(path):
        identifier, *texts = map(str.strip, line.split("\t"))
        if not 1 <= len(texts) <= 2:
            raise GraphFormatError(
                "must have an identifier, a name and perhaps a description. "
                f"Received: {len(texts) + 1} fields.",
                path,
                number,
            )
        if identifier in names:
            raise GraphFormatError(f"must not tell of {identifier!r} again.", path, number)
        names[identifier] = texts[0]
        descriptions[identifier] = texts[1] if len(texts) == 2 else ""
    if names and names.keys().isdisjoint(identifiers):
        raise GraphFormatError(
            f"must tell of an identifier of the facts, such as {identifiers[0]!r}. "
            f"Received: {len(names)} others, such as {next(iter(names))!r}.",
            path,
        )
    return Texts.look_up(identifiers, names=names, descriptions=descriptions)
