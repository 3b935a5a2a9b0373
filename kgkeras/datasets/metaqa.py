"""MetaQA: a graph of films, and questions that take one, two or three facts to answer."""

import dataclasses
import re

from kgkeras.checks import one_of
from kgkeras.datasets.benchmark import Benchmark, BenchmarkFile
from kgkeras.kg import KnowledgeGraph, read_triples
from kgkeras.kg.errors import GraphFormatError
from kgkeras.kg.tables import read_lines

METAQA = Benchmark(
    name="MetaQA",
    files={
        "graph": BenchmarkFile("MetaQA/kb.txt", None),
        **{
            f"{hops}-hop {split}": BenchmarkFile(f"MetaQA/{hops}-hop/qa_{split}.txt", None)
            for hops in (1, 2, 3)
            for split in ("train", "dev", "test")
        },
    },
    homepage="https://github.com/yuyuz/MetaQA",
    licence="CC BY 3.0",
    citation="Zhang et al., Variational Reasoning for Question Answering with Knowledge Graph, "
    "AAAI 2018",
)

_TOPIC = re.compile(r"\[([^\]]+)\]")


@dataclasses.dataclass(frozen=True)
class Question:
    """A question about a graph.

    Attributes:
        text: The question, with its topic in square brackets.
        topic: Identifier of the entity the question starts from.
        answers: Identifiers of all entities that answer it.
    """

    text: str
    topic: str
    answers: tuple[str, ...]


def read_graph(paths):
    """The graph of films; facts that the file repeats are told once."""
    facts = read_triples(paths["graph"], delimiter="|", header=False)
    return KnowledgeGraph.from_triples(dict.fromkeys(facts))


def role(hops, split):
    """The name of a file of questions among those of the benchmark.

    Raises:
        ValueError: If there is no such file.
    """
    one_of("hops", hops, (1, 2, 3))
    one_of("split", split, ("train", "dev", "test"))
    return f"{hops}-hop {split}"


def read_questions(path):
    """Reads a tuple of `Question`.

    Raises:
        GraphFormatError: If a line is no question with its answers (with the line).
    """
    return tuple(_question(path, number, line) for number, line in read_lines(path))


def _question(path, number, line):
    text, _, answers = line.partition("\t")
    topics = _TOPIC.findall(text)
    if len(topics) != 1 or not answers:
        raise GraphFormatError(
            "must be a question with one [topic], a tab, and answers between |. "
            f"Received: {line!r}.",
            path,
            number,
        )
    return Question(text, topics[0], tuple(answers.split("|")))
