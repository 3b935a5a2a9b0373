"""Texts whose words have tags, and the three splits of a tagging task."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class TaggedTexts:
    """Texts as words, with a tag for each word.

    Args:
        words: `n` sequences of strings.
        tags: As many integer arrays, as long as these: indices into the task's `tags`.

    Raises:
        ValueError: If a text has no words, or another number of tags than of words.
    """

    words: tuple[tuple[str, ...], ...]
    tags: tuple[np.ndarray, ...]

    def __post_init__(self):
        words = tuple(tuple(text) for text in self.words)
        tags = tuple(np.array(row, "int32") for row in self.tags)
        if len(words) != len(tags):
            raise ValueError(
                "`words` and `tags` must be of equally many texts. "
                f"Received: {len(words)} and {len(tags)}."
            )
        for number, (text, row) in enumerate(zip(words, tags, strict=True)):
            if not text or row.shape != (len(text),):
                raise ValueError(
                    "Each text must have words, and a tag for each. Received: text "
                    f"{number} of {len(text)} words with tags of shape {row.shape}."
                )
            row.flags.writeable = False
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "tags", tags)

    def __len__(self):
        return len(self.words)

    @property
    def texts(self):
        """The words of each text, blanks between them."""
        return tuple(" ".join(words) for words in self.words)

    def take(self, count):
        """The first `count` texts; all of them where `count` is None."""
        return TaggedTexts(self.words[:count], self.tags[:count])


@dataclasses.dataclass(frozen=True, eq=False)
class TaggingTask:
    """The splits of a task that tags the spans of some types.

    Raises:
        ValueError: If a tag is not one of `tags`.
    """

    train: TaggedTexts
    valid: TaggedTexts
    test: TaggedTexts
    types: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "types", tuple(self.types))
        count = len(self.tags)
        for split in ("train", "valid", "test"):
            rows = getattr(self, split).tags
            wrong = [tag for row in rows for tag in row.tolist() if not 0 <= tag < count]
            if wrong:
                raise ValueError(
                    f"Tags of `{split}` must lie in [0, {count}), the number of tags. "
                    f"Received: {wrong[0]}."
                )

    @property
    def tags(self):
        """Names of the tags: `"O"`, then `"B-..."` and `"I-..."` of each type in turn."""
        return ("O", *(f"{kind}-{name}" for name in self.types for kind in "BI"))
