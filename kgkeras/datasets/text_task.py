"""Labelled texts, and the three splits of a text-classification task."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledTexts:
    """Texts with one class each.

    Args:
        texts: `n` strings.
        labels: Integer array `(n,)`, indices into the task's `classes`.

    Raises:
        ValueError: If the two lengths differ, or `labels` is not a vector of integers.
    """

    texts: tuple[str, ...]
    labels: np.ndarray

    def __post_init__(self):
        labels = np.array(self.labels)
        if labels.ndim != 1 or not (labels.size == 0 or np.issubdtype(labels.dtype, np.integer)):
            raise ValueError(
                "`labels` must be a vector of integers. "
                f"Received: shape {labels.shape}, dtype {labels.dtype}."
            )
        if len(self.texts) != len(labels):
            raise ValueError(
                "`texts` and `labels` must be equally long. "
                f"Received: {len(self.texts)} texts, {len(labels)} labels."
            )
        labels = labels.astype("int32")
        labels.flags.writeable = False
        object.__setattr__(self, "texts", tuple(self.texts))
        object.__setattr__(self, "labels", labels)

    def __len__(self):
        return len(self.texts)

    def take(self, count):
        """The first `count` texts; all of them where `count` is None."""
        return LabelledTexts(self.texts[:count], self.labels[:count])


@dataclasses.dataclass(frozen=True, eq=False)
class TextTask:
    """The splits of a text-classification task over one list of classes.

    Raises:
        ValueError: If a label lies outside `classes`.
    """

    train: LabelledTexts
    valid: LabelledTexts
    test: LabelledTexts
    classes: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "classes", tuple(self.classes))
        for split in ("train", "valid", "test"):
            labels = getattr(self, split).labels
            wrong = labels[(labels < 0) | (labels >= len(self.classes))]
            if wrong.size:
                raise ValueError(
                    f"Labels of `{split}` must lie in [0, {len(self.classes)}), the number of "
                    f"classes. Received: {int(wrong[0])}."
                )
