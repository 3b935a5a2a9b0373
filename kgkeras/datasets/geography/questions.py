"""Questions about geography whose answers are states."""

import collections

import numpy as np

from kgkeras.checks import one_of
from kgkeras.datasets.geography import facts
from kgkeras.datasets.geography.statements import split_facts
from kgkeras.datasets.metaqa import Question

SPLITS = ("train", "valid", "test")


def load_questions(split, *, seed=0):
    """Questions about places, answered by the states that they lie in.

    Each fact that `load_texts` of the same seed tells in a split is asked for in the same split:
    no text of another split, statement or question, names the place. Each place and relation is
    asked for in one of several ways; all of its states are answers.

    Args:
        split: `"train"`, `"valid"` or `"test"`.
        seed: As of `load_texts`.

    Returns:
        Tuple of `datasets.Question`.

    Raises:
        ValueError: If there is no such split.
    """
    one_of("split", split, SPLITS)
    parts = split_facts(np.random.default_rng(seed))
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    answers = collections.defaultdict(dict)
    for relation, place, state, _ in parts[split]:
        answers[relation, place][state] = None
    spoken = facts.spoken_names()
    templates = facts.texts_by_relation("questions.tsv", "question")
    questions = []
    for (relation, place), states in answers.items():
        template = rng.choice(templates[relation])
        text = template.format(place=f"[{spoken[place]}]")
        questions.append(Question(text, place, tuple(states)))
    return tuple(questions[row] for row in rng.permutation(len(questions)))
