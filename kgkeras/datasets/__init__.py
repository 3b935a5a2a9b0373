"""Benchmarks: facts, texts and questions, by name or from a folder of one's own."""

from kgkeras.datasets.choice_task import ChoiceQuestions, ChoiceTask
from kgkeras.datasets.loading import (
    InductiveSplits,
    load,
    load_choices,
    load_inductive,
    load_negatives,
    load_questions,
    load_tagged,
    load_texts,
    load_verbalised,
    names,
)
from kgkeras.datasets.metaqa import Question
from kgkeras.datasets.tagged_texts import TaggedTexts, TaggingTask
from kgkeras.datasets.text_task import LabelledTexts, TextTask
from kgkeras.datasets.verbalised import VerbalisedFacts

__all__ = [
    "ChoiceQuestions",
    "ChoiceTask",
    "InductiveSplits",
    "LabelledTexts",
    "Question",
    "TaggedTexts",
    "TaggingTask",
    "TextTask",
    "VerbalisedFacts",
    "load",
    "load_choices",
    "load_inductive",
    "load_negatives",
    "load_questions",
    "load_tagged",
    "load_texts",
    "load_verbalised",
    "names",
]
