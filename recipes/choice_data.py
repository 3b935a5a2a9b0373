"""The questions of `multiple_choice.py`, the graph that knows about them, and how they are read."""

import dataclasses
import itertools

import numpy as np

import kgkeras
from kgkeras import datasets, models, pipelines

READ = "together", "apart"


@dataclasses.dataclass(frozen=True)
class Task:
    """Questions with choices, and the graph that knows about them."""

    questions: datasets.ChoiceTask
    graph: kgkeras.kg.KnowledgeGraph


def load_task(config):
    """Reads the questions and the graph."""
    if config.data == "CommonsenseQA":
        task = Task(datasets.load_choices(config.data), datasets.load("ConceptNet-100K").train)
    else:
        facts = datasets.load("geography")
        made = pipelines.fact_questions(facts, seed=config.seed)
        ends = np.linspace(0, len(made), 7).astype(int)[[0, 4, 5, 6]]
        splits = [
            datasets.ChoiceQuestions(made.questions[a:b], made.choices[a:b], made.labels[a:b])
            for a, b in itertools.pairwise(ends)
        ]
        task = Task(datasets.ChoiceTask(*splits), facts)
    splits = {
        name: getattr(task.questions, name).take(config.limit)
        for name in ("train", "valid", "test")
    }
    return dataclasses.replace(task, questions=datasets.ChoiceTask(**splits))


def encode(model, preprocessor, questions):
    """The questions, each beside each of its choices or apart from them, as arrays."""
    apart = isinstance(model, models.ChoiceMatcher)
    read = pipelines.encode_choices if apart else pipelines.encode_pairs
    return read(preprocessor, questions.questions, questions.choices)
