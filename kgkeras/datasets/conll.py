"""Named entities in texts: WNUT17 and CoNLL04."""

from kgkeras.datasets.benchmark import Benchmark, BenchmarkFile
from kgkeras.datasets.tagged_texts import TaggedTexts, TaggingTask
from kgkeras.kg.errors import GraphFormatError
from kgkeras.kg.tables import read_text

_SPLITS = ("train", "valid", "test")

WNUT17 = Benchmark(
    name="WNUT17",
    files={
        split: BenchmarkFile(f"WNUT17/{file}", None)
        for split, file in zip(
            _SPLITS,
            ("wnut17train.conll", "emerging.dev.conll", "emerging.test.conll"),
            strict=True,
        )
    },
    homepage="https://noisy-text.github.io/2017/emerging-rare-entities.html",
    licence="CC BY 4.0",
    citation="Derczynski et al., Results of the WNUT2017 Shared Task on Novel and Emerging Entity "
    "Recognition, W-NUT 2017",
    counts=(3394, 1009, 1287),
)
CONLL04 = Benchmark(
    name="CoNLL04",
    files={
        split: BenchmarkFile(f"CoNLL04/{file}.txt", None)
        for split, file in zip(_SPLITS, ("train", "dev", "test"), strict=True)
    },
    homepage="https://github.com/bekou/multihead_joint_entity_relation_extraction",
    licence="MIT; texts of TREC, Wall Street Journal and others",
    citation="Roth and Yih, A Linear Programming Formulation for Global Inference in Natural "
    "Language Tasks, CoNLL 2004",
    counts=(910, 243, 288),
)
TAGGED = (WNUT17, CONLL04)
_TYPES = {
    "WNUT17": ("corporation", "creative-work", "group", "location", "person", "product"),
    "CoNLL04": ("Loc", "Org", "Other", "Peop"),
}
# The columns of a line that hold the word and its tag.
_COLUMNS = {"WNUT17": (0, 1), "CoNLL04": (1, 2)}


def read(name, paths):
    """Reads a task from its three files: a word a line, an empty line between texts.

    Args:
        name: `"WNUT17"` or `"CoNLL04"`.
        paths: Dict with the paths of `train`, `valid` and `test`.

    Returns:
        `TaggingTask`.

    Raises:
        GraphFormatError: If a line is not what it should be (with the line).
    """
    types = _TYPES[name]
    return TaggingTask(*(read_file(paths[s], types, _COLUMNS[name]) for s in _SPLITS), types)


def read_file(path, types, columns=(0, 1)):
    """The texts of one file.

    Where a word has several tags, separated by commas, the first counts.

    Args:
        path: Path of the file.
        types: Names of the types of spans.
        columns: Places of the word and of the tag among a line's columns, which tabs separate.

    Returns:
        `TaggedTexts`.

    Raises:
        GraphFormatError: If a line is not what it should be (with the line).
    """
    names = ["O", *(f"{kind}-{name}" for name in types for kind in "BI")]
    texts, wanted = [[]], max(columns) + 1
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip() or line.startswith("#doc "):
            texts.append([])
            continue
        parts = line.rstrip("\r").split("\t")
        if len(parts) < wanted or not parts[columns[0]].strip():
            raise GraphFormatError(
                f"must hold a word and its tag, in {wanted} columns. Received: {line!r}.",
                path,
                number,
            )
        word, tag = (parts[column] for column in columns)
        tag = tag.split(",")[0]
        if tag not in names:
            raise GraphFormatError(f"must have a tag of {names}. Received: {tag!r}.", path, number)
        texts[-1].append((word.strip(), names.index(tag)))
    texts = [zip(*text, strict=True) for text in texts if text]
    return TaggedTexts(*zip(*texts, strict=True)) if texts else TaggedTexts((), ())
