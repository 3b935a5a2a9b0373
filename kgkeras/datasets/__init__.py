"""Benchmarks: facts, texts and questions, by name or from a folder of one's own."""

from kgkeras.datasets.choice_task import ChoiceQuestions, ChoiceTask
from kgkeras.datasets.loading import (
    InductiveSplits,
    load,
    load_choices,
    load_inductive,
    load_negatives,
    load_questions,
    load_texts,
    names,
)
from kgkeras.datasets.metaqa import Question
from kgkeras.datasets.text_task import LabelledTexts, TextTask

__all__ = [
    "ChoiceQuestions",
    "ChoiceTask",
    "InductiveSplits",
    "LabelledTexts",
    "Question",
    "TextTask",
    "load",
    "load_choices",
    "load_inductive",
    "load_negatives",
    "load_questions",
    "load_texts",
    "names",
]
