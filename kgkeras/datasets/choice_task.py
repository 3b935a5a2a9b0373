"""Questions with several answers to choose from, and the three splits of such a task."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class ChoiceQuestions:
    """Questions, equally many answers to each, and which one is right.

    Args:
        questions: `n` strings.
        choices: `n` tuples of equally many strings.
        labels: Integer array `(n,)`: the place of the right choice.

    Raises:
        ValueError: If lengths or the numbers of choices differ, or a label is no place of one.
    """

    questions: tuple[str, ...]
    choices: tuple[tuple[str, ...], ...]
    labels: np.ndarray

    def __post_init__(self):
        labels = np.array(self.labels)
        numbers = {len(answers) for answers in self.choices}
        if labels.shape != (len(self.questions),) or len(self.choices) != len(labels):
            raise ValueError(
                "`questions`, `choices` and `labels` must be equally long. Received: "
                f"{len(self.questions)} questions, {len(self.choices)} lists of choices, labels of "
                f"shape {labels.shape}."
            )
        if len(numbers) > 1:
            raise ValueError(
                f"Each question must have equally many choices. Received: {sorted(numbers)}."
            )
        number = max(numbers, default=0)
        if labels.size and not (0 <= labels.min() and labels.max() < number):
            raise ValueError(
                f"`labels` must lie in [0, {number}), the number of choices. "
                f"Received: {int(labels.min())} to {int(labels.max())}."
            )
        labels = labels.astype("int32")
        labels.flags.writeable = False
        object.__setattr__(self, "questions", tuple(self.questions))
        object.__setattr__(self, "choices", tuple(map(tuple, self.choices)))
        object.__setattr__(self, "labels", labels)

    def __len__(self):
        return len(self.questions)

    def take(self, count):
        """The first `count` questions; all of them where `count` is None."""
        return ChoiceQuestions(self.questions[:count], self.choices[:count], self.labels[:count])


@dataclasses.dataclass(frozen=True, eq=False)
class ChoiceTask:
    """The splits of a multiple-choice task: each a `ChoiceQuestions`."""

    train: ChoiceQuestions
    valid: ChoiceQuestions
    test: ChoiceQuestions
