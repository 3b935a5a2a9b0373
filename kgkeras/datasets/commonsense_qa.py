"""CommonsenseQA: questions about everyday things, with five answers to choose from."""

import json

from kgkeras.datasets.benchmark import Benchmark, BenchmarkFile
from kgkeras.datasets.choice_task import ChoiceQuestions, ChoiceTask
from kgkeras.kg.errors import GraphFormatError
from kgkeras.kg.tables import read_lines

_FOLDER = "CommonsenseQA"
_PUBLISHED = "https://s3.amazonaws.com/commensenseqa"
_QAGNN = (
    "https://raw.githubusercontent.com/michiyasunaga/qagnn/"
    "29ca23652011cb5d8af627e009b8f48e82d0400e/data/csqa"
)

COMMONSENSE_QA = Benchmark(
    name="CommonsenseQA",
    files={
        **{
            split: BenchmarkFile(
                f"{_FOLDER}/{split}_rand_split.jsonl", f"{_PUBLISHED}/{split}_rand_split.jsonl"
            )
            for split in ("train", "dev")
        },
        "inhouse": BenchmarkFile(
            f"{_FOLDER}/inhouse_split_qids.txt", f"{_QAGNN}/inhouse_split_qids.txt"
        ),
    },
    homepage="https://www.tau-nlp.org/commonsenseqa",
    licence="none stated",
    citation="Talmor et al., CommonsenseQA: A Question Answering Challenge Targeting Commonsense "
    "Knowledge, NAACL 2019; split of Lin et al., KagNet, EMNLP 2019",
    counts=(8500, 1221, 1241),
)


def read(paths):
    """Reads the in-house split, since the answers of the official test are not published.

    Args:
        paths: Dict with the paths of `train`, `dev` and `inhouse`.

    Returns:
        `ChoiceTask`: of the official training questions those that the list names to train on,
        the rest to test on; the official dev questions to validate on.

    Raises:
        GraphFormatError: If a line is not what it should be (with the line).
    """
    chosen = {line.strip() for _, line in read_lines(paths["inhouse"])}
    questions = dict(_entries(paths["train"]))
    train = [entry for name, entry in questions.items() if name in chosen]
    test = [entry for name, entry in questions.items() if name not in chosen]
    return ChoiceTask(*map(_together, (train, dict(_entries(paths["dev"])).values(), test)))


def _entries(path):
    """Yields the id of each question, and the question, its choices and the place of the answer."""
    for number, line in read_lines(path):
        try:
            entry = json.loads(line)
            question, choices = entry["question"], entry["question"]["choices"]
            labels = [choice["label"] for choice in choices]
            answer = labels.index(entry["answerKey"])
            texts = tuple(choice["text"] for choice in choices)
            yield entry["id"], (question["stem"], texts, answer)
        except (ValueError, KeyError, TypeError) as error:
            raise GraphFormatError(
                "must be a JSON object with an `id`, an `answerKey` and a `question` that has a "
                f"`stem` and `choices`. Received: {line[:80]!r}.",
                path,
                number,
            ) from error


def _together(entries):
    return ChoiceQuestions(*map(tuple, zip(*entries, strict=True)))
