"""Benchmarks by name, or facts from a folder."""

import dataclasses
import difflib
import importlib
import os

from kgkeras.checks import describe, one_of
from kgkeras.datasets import commonsense_qa, conll, metaqa, semeval, verbalised
from kgkeras.datasets.fetch import locate
from kgkeras.datasets.folder import load_folder, read_splits
from kgkeras.datasets.registry import BENCHMARKS, INDUCTIVE
from kgkeras.kg import KnowledgeGraph, Splits, read_triples

_GEOGRAPHY = "geography"
_SINGLE = (
    *BENCHMARKS,
    metaqa.METAQA,
    semeval.SEMEVAL,
    commonsense_qa.COMMONSENSE_QA,
    *conll.TAGGED,
)
_NAMES = {
    "graphs": (*(benchmark.name for benchmark in BENCHMARKS), metaqa.METAQA.name, _GEOGRAPHY),
    "texts": (semeval.SEMEVAL.name, _GEOGRAPHY),
    "choices": (commonsense_qa.COMMONSENSE_QA.name,),
    "tagged": tuple(benchmark.name for benchmark in conll.TAGGED),
    "inductive": tuple(INDUCTIVE),
}


@dataclasses.dataclass(frozen=True)
class InductiveSplits:
    """A graph to train on, and one of other entities to test on, over the same relations."""

    training: Splits
    inference: Splits


def names(kind="graphs"):
    """Names of the benchmarks.

    Args:
        kind: `"graphs"` for `load`, `"texts"` for `load_texts`, `"choices"` for `load_choices`,
            `"tagged"` for `load_tagged`, `"inductive"` for `load_inductive`.
    """
    return _NAMES[one_of("kind", kind, tuple(_NAMES))]


def load(name):
    """Loads the facts of a benchmark, or of a folder of one's own.

    Benchmarks are found in the folder that the environment variable `KGKERAS_DATA` names, or
    downloaded once into the Keras cache; either way their checksums are verified. Entities and
    relations are numbered as they are first seen, those of train first, and have names and
    descriptions where any are published.

    Args:
        name: One of `names()`, in upper or lower case. Or a folder: one that has the name and
            files of a benchmark, or that holds `train.txt`, `valid.txt` and `test.txt` (head,
            relation and tail, tab separated, perhaps below a header line) and perhaps
            `entity2text.txt` and `relation2text.txt` (identifier, name, perhaps description).

    Returns:
        `Splits`; for MetaQA and geography, which have no splits of facts, a `KnowledgeGraph`.

    Raises:
        ValueError: If there is no such benchmark, or a file is not what was published.
        FileNotFoundError: If a file is missing.
        ConnectionError: If a download fails.
    """
    known = _find(name, "graphs")
    if known is None:
        return load_folder(name)
    if known == _GEOGRAPHY:
        return importlib.import_module("kgkeras.datasets.geography").load()
    if known == metaqa.METAQA.name:
        return metaqa.read_graph(locate(metaqa.METAQA, ("graph",)))
    benchmark = _benchmark(known)
    splits = read_splits(locate(benchmark), benchmark.read_texts, columns=benchmark.columns)
    return _checked(benchmark, splits)


def load_texts(name, **options):
    """Loads a text-classification task.

    Args:
        name: One of `names("texts")`, in upper or lower case.
        **options: What the task lets choose: for SemEval2010-Task8, `valid=0.1`, the share of the
            training sentences that becomes the validation split, and `seed=0` of its choice; for
            geography, `seed=0` and what its own `load_texts` documents.

    Returns:
        `TextTask`.

    Raises:
        ValueError: If there is no such task, or a file is not what was published.
        FileNotFoundError: If a file is missing.
        ConnectionError: If a download fails.
    """
    if _find(name, "texts", folders=False) == _GEOGRAPHY:
        return importlib.import_module("kgkeras.datasets.geography").load_texts(**options)
    return semeval.read(locate(semeval.SEMEVAL), **options)


def load_choices(name):
    """Loads a multiple-choice task.

    Args:
        name: One of `names("choices")`, in upper or lower case.

    Returns:
        `ChoiceTask`.

    Raises:
        ValueError, FileNotFoundError, ConnectionError: As in `load_texts`.
    """
    _find(name, "choices", folders=False)
    benchmark = commonsense_qa.COMMONSENSE_QA
    return _checked(benchmark, commonsense_qa.read(locate(benchmark)))


def load_tagged(name):
    """Loads texts in which the names of things are tagged.

    Args:
        name: One of `names("tagged")`, in upper or lower case.

    Returns:
        `TaggingTask`.

    Raises:
        ValueError, ConnectionError: As in `load_texts`.
        FileNotFoundError: If a file is missing: there is no address to download it from.
    """
    known = _find(name, "tagged", folders=False)
    benchmark = next(benchmark for benchmark in conll.TAGGED if benchmark.name == known)
    return _checked(benchmark, conll.read(known, locate(benchmark)))


def load_inductive(name):
    """Loads a graph to train on and one of other entities to test on.

    The relations of both are numbered alike; the entities are not the same. (Except for eight
    that WN18RR_v3 was published with, which have different ids in the two.)

    Args:
        name: One of `names("inductive")`, in upper or lower case.

    Returns:
        `InductiveSplits`.

    Raises:
        ValueError, FileNotFoundError, ConnectionError: As in `load`.
    """
    training, inference, words = INDUCTIVE[_find(name, "inductive", folders=False)]
    texts = locate(words, [role for role in words.files if role not in ("train", "valid", "test")])
    first = _checked(training, read_splits({**texts, **locate(training)}, words.read_texts))
    paths = {**texts, **locate(inference)}
    second = read_splits(paths, words.read_texts, relations=first.relations)
    return InductiveSplits(first, _checked(inference, second))


def load_negatives(name):
    """Loads facts that people have judged to be false, to tell from those of `load(name)`.

    Args:
        name: `"CoDEx-S"` or `"CoDEx-M"`, in upper or lower case.

    Returns:
        Dict of `KnowledgeGraph` by split, `valid` and `test`, over the vocabularies of
        `load(name)`.

    Raises:
        ValueError: If the benchmark has no such facts; else as in `load`.
    """
    known = _find(name, "graphs", folders=False)
    having = [b.name for b in BENCHMARKS if "valid_negatives" in b.files]
    one_of("name", known, having)
    splits = load(known)
    paths = locate(_benchmark(known), ("valid_negatives", "test_negatives"))
    return {
        split: KnowledgeGraph.from_triples(
            read_triples(paths[f"{split}_negatives"], header=False),
            entities=splits.entities,
            relations=splits.relations,
            entity_texts=splits.train.entity_texts,
            relation_texts=splits.train.relation_texts,
        )
        for split in ("valid", "test")
    }


def load_questions(hops=1, split="dev", *, data="MetaQA", seed=0):
    """Loads questions about a graph and the entities that answer them.

    Args:
        hops: 1, 2 or 3: how many facts an answer takes; those about geography take 1.
        split: `"train"`, `"dev"` or `"test"` of MetaQA; `"train"`, `"valid"` or `"test"` of
            geography.
        data: `"MetaQA"`, about the graph `load("MetaQA")`, or `"geography"`, about places that the
            texts of `load_texts("geography")` of the same split and seed speak of.
        seed: Decides the split of geography.

    Returns:
        Tuple of `Question`.

    Raises:
        ValueError: If there is no such split, or a file is not what was published.
        FileNotFoundError: If the file is missing: MetaQA has no address to download it from.
    """
    one_of("data", data, ("MetaQA", _GEOGRAPHY))
    if data == _GEOGRAPHY:
        one_of("hops", hops, (1,))
        geography = importlib.import_module("kgkeras.datasets.geography")
        return geography.load_questions(split, seed=seed)
    role = metaqa.role(hops, split)
    return metaqa.read_questions(locate(metaqa.METAQA, (role,))[role])


def load_verbalised(name, split="train", *, seed=0):
    """Loads sets of facts and texts that tell them.

    Args:
        name: `"WebNLG"`, the constrained split of its version 2: no fact of the test is told in
            training; or `"geography"`: places of the test are not spoken of in training.
        split: `"train"`, `"valid"` or `"test"`.
        seed: Decides the split of geography.

    Returns:
        Tuple of `VerbalisedFacts`.

    Raises:
        ValueError: If there is no such name or split.
        FileNotFoundError: If the files are missing: WebNLG has no address to download it from.
    """
    one_of("name", name, ("WebNLG", _GEOGRAPHY))
    one_of("split", split, ("train", "valid", "test"))
    if name == _GEOGRAPHY:
        geography = importlib.import_module("kgkeras.datasets.geography")
        return geography.load_verbalised(split, seed=seed)
    return verbalised.read_webnlg("dev" if split == "valid" else split)


def unverified(name, kind="graphs"):
    """Paths, in a data folder, of a benchmark's files of which no checksum is known.

    Args:
        name: One of `names(kind)`, in upper or lower case.
        kind: As in `names`.
    """
    known = _find(name, one_of("kind", kind, tuple(_NAMES)), folders=False)
    single = {b.name: (b,) for b in _SINGLE}
    return tuple(
        file.path
        for benchmark in {**single, **INDUCTIVE, _GEOGRAPHY: ()}[known]
        for file in benchmark.files.values()
        if file.sha256 is None and (file.url is not None or not file.optional)
    )


def _benchmark(name):
    return next(benchmark for benchmark in BENCHMARKS if benchmark.name == name)


def _find(name, kind, folders=True):
    """The usual name of a benchmark; None where `name` is a folder instead."""
    known = {known.lower(): known for known in _NAMES[kind]}
    if isinstance(name, str) and name.lower() in known:
        return known[name.lower()]
    if folders and isinstance(name, (str, os.PathLike)) and os.path.isdir(name):
        return None
    close = difflib.get_close_matches(str(name).lower(), known, n=1)
    hint = f" Did you mean {known[close[0]]!r}?" if close else ""
    raise ValueError(
        f"`name` must be one of {', '.join(_NAMES[kind])}{', or a folder' if folders else ''}. "
        f"{describe(name)}.{hint}"
    )


def _checked(benchmark, splits):
    found = tuple(len(getattr(splits, split)) for split in ("train", "valid", "test"))
    if found != benchmark.counts:
        raise ValueError(
            f"{benchmark.name} must have {benchmark.counts} rows to train, validate and test. "
            f"Received: {found}."
        )
    return splits
