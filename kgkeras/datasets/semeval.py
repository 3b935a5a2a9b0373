"""SemEval-2010 Task 8: which relation holds between two marked nominals of a sentence."""

import re

import numpy as np

from kgkeras.checks import rate
from kgkeras.datasets.benchmark import Benchmark, BenchmarkFile
from kgkeras.datasets.text_task import LabelledTexts, TextTask
from kgkeras.kg.errors import GraphFormatError
from kgkeras.kg.tables import read_lines

_FOLDER = "SemEval2010-Task8/original"
_ARCHIVE = (
    "https://github.com/davidsbatista/Annotated-Semantic-Relationships-Datasets/raw/"
    "ad883cbbaf4e342326b444347cf7d035012a4f4e/datasets/SemEval2010_task8_all_data.tar.gz"
)
_TRAIN = "SemEval2010_task8_training/TRAIN_FILE.TXT"
_TEST = "SemEval2010_task8_testing_keys/TEST_FILE_FULL.TXT"

SEMEVAL = Benchmark(
    name="SemEval2010-Task8",
    files={
        "train": BenchmarkFile(f"{_FOLDER}/{_TRAIN}", _ARCHIVE, member=_TRAIN),
        "test": BenchmarkFile(f"{_FOLDER}/{_TEST}", _ARCHIVE, member=_TEST),
    },
    homepage="https://semeval2.fbk.eu/semeval2.php?location=tasks#T11",
    licence="CC BY 3.0",
    citation="Hendrickx et al., SemEval-2010 Task 8: Multi-Way Classification of Semantic "
    "Relations Between Pairs of Nominals, SemEval 2010",
)

_DIRECTED = (
    "Cause-Effect",
    "Component-Whole",
    "Content-Container",
    "Entity-Destination",
    "Entity-Origin",
    "Instrument-Agency",
    "Member-Collection",
    "Message-Topic",
    "Product-Producer",
)
CLASSES = tuple(
    sorted(["Other", *(f"{name}({way})" for name in _DIRECTED for way in ("e1,e2", "e2,e1"))])
)
_SENTENCE = re.compile(r'\d+\t"(.*)"')
_MARKS = ("<e1>", "</e1>", "<e2>", "</e2>")


def read(paths, *, valid=0.1, seed=0):
    """Reads the task from its two files; sentences keep the marks `<e1>..</e1>`, `<e2>..</e2>`.

    Args:
        paths: Dict with the paths of `train` and `test`, both with labels.
        valid: Share of the training sentences that become the validation split, in `[0, 1)`.
        seed: Seed of their choice.

    Returns:
        `TextTask` over 19 classes.

    Raises:
        GraphFormatError: If a line is not what it should be (with the line).
    """
    texts, labels = read_file(paths["train"])
    is_valid = np.zeros(len(texts), dtype=bool)
    chosen = np.random.default_rng(seed).permutation(len(texts))
    is_valid[chosen[: round(len(texts) * rate("valid", valid))]] = True
    parts = [
        LabelledTexts(tuple(texts[i] for i in np.flatnonzero(rows)), labels[rows])
        for rows in (~is_valid, is_valid)
    ]
    return TextTask(*parts, LabelledTexts(*read_file(paths["test"])), CLASSES)


def read_file(path):
    """Sentences and class ids of one file: a tuple of strings and an int32 array."""
    texts, labels = [], []
    for number, line in read_lines(path):
        sentence = _SENTENCE.fullmatch(line)
        if sentence:
            if len(texts) > len(labels):
                raise GraphFormatError("must be the class of the sentence above.", path, number)
            if not all(sentence[1].count(mark) == 1 for mark in _MARKS):
                raise GraphFormatError(f"must hold each of {_MARKS} once.", path, number)
            texts.append(sentence[1])
        elif len(texts) > len(labels):
            if line not in CLASSES:
                raise GraphFormatError(f"must be a class. Received: {line!r}.", path, number)
            labels.append(CLASSES.index(line))
        elif not line.startswith("Comment"):
            raise GraphFormatError(
                f"must be a numbered sentence or a comment. Received: {line!r}.", path, number
            )
    if not texts or len(texts) > len(labels):
        raise GraphFormatError("must end with the class of a sentence.", path)
    return tuple(texts), np.array(labels, dtype="int32")
