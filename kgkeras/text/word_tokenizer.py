"""Whole words as tokens, for models trained from scratch."""

import collections

import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.text.string_table import StringTable
from kgkeras.text.word_counts import count_words
from kgkeras.text.words import checked_markers, marker_index, normalise, split_words

_SPECIAL = ("[PAD]", "[UNK]", "[START]", "[END]")
_MASK = "[MASK]"


class WordTokenizer(tf.Module):
    """Maps every word to one id by its normal form.

    Ids 0 to 3 are padding, unknown, start and end; the markers follow, then the words.

    Args:
        vocabulary: Sequence of distinct normalised words (see `normalise`).
        markers: Strings such as `"<e1>"` that have an id of their own; `"[MASK]"` among them
            lets a masked language model use the tokenizer.

    Call arguments:
        words: string ragged tensor `(batch, words)`, as `split_words(texts, markers).words`.

    Returns:
        int32 ragged tensor `(batch, words, 1)`.

    Raises:
        ValueError: If the vocabulary is empty, a word occurs twice or is not in normal form, or
            the markers are not distinct non-empty strings.

    Attributes:
        tokens: The special token, marker or word of each id.
        mask_id: Id of the marker `"[MASK]"`, None where there is none.
        special_ids: Ids that stand for no word: padding, unknown, start, end and the markers.
    """

    def __init__(self, vocabulary, markers=()):
        super().__init__(name="word_tokenizer")
        self.vocabulary = _checked_vocabulary(vocabulary)
        self.markers = checked_markers(markers)
        self.pad_id, self.unknown_id, self.start_id, self.end_id = range(len(_SPECIAL))
        self.tokens = (*_SPECIAL, *self.markers, *self.vocabulary)
        first = len(_SPECIAL) + len(self.markers)
        self.marker_ids = tuple(range(len(_SPECIAL), first))
        self.special_ids = tuple(range(first))
        mask = self.markers.index(_MASK) if _MASK in self.markers else None
        self.mask_id = None if mask is None else self.marker_ids[mask]
        self.vocabulary_size = first + len(self.vocabulary)
        self._table = StringTable(
            (word.encode() for word in self.vocabulary), range(first, self.vocabulary_size), "words"
        )

    @classmethod
    def from_texts(cls, texts, max_size=None, min_count=1, markers=()):
        """The tokenizer of the most frequent words of `texts`; of two as frequent, the first.

        Args:
            texts: Iterable of strings.
            max_size: Most words to keep, None for all.
            min_count: A word that occurs less often is left out.
            markers: As in the constructor.

        Raises:
            ValueError: If no word is left.
        """
        max_size = None if max_size is None else positive_int("max_size", max_size)
        min_count = positive_int("min_count", min_count)
        counts = count_words(
            texts, lambda chunk: split_words(chunk, markers).normalised.flat_values
        )
        del counts[b""]  # the markers
        kept = [word.decode() for word, count in counts.items() if count >= min_count]
        if not kept:
            raise ValueError(
                f"`texts` must have a word that occurs at least min_count={min_count} times. "
                f"Received: {len(counts)} different words."
            )
        kept.sort(key=lambda word: (-counts[word.encode()], word))
        return cls(kept[:max_size], markers)

    def get_config(self):
        """The arguments of the constructor but the vocabulary, as JSON can hold them."""
        return {"markers": list(self.markers)}

    def __call__(self, words):
        """Returns the id of each word."""
        flat = words.flat_values
        ids = self._table(normalise(flat))
        ids = tf.where(ids < 0, self.unknown_id, ids)
        marker = marker_index(flat, self.markers)
        ids = tf.where(marker < 0, ids, marker + len(_SPECIAL))
        return words.with_flat_values(tf.RaggedTensor.from_uniform_row_length(ids, 1))


def _checked_vocabulary(vocabulary):
    if isinstance(vocabulary, (str, bytes)) or not len(vocabulary):
        raise ValueError(
            f"`vocabulary` must be a non-empty sequence of words. Received: {vocabulary!r}."
        )
    vocabulary = tuple(vocabulary)
    if len(set(vocabulary)) != len(vocabulary):
        word, times = collections.Counter(vocabulary).most_common(1)[0]
        raise ValueError(f"`vocabulary` must not repeat a word. Received: {word!r} {times} times.")
    words = tf.constant(vocabulary)
    # One word here may be three elsewhere: a letter such as the ʻokina is an apostrophe in normal
    # form. So only what no word can hold is refused.
    wrong = (normalise(words) != words) | tf.strings.regex_full_match(words, r"|.*\s.*")
    for index in tf.where(wrong)[:1, 0].numpy():
        raise ValueError(
            "Each word of `vocabulary` must be one word in normal form (see `normalise`). "
            f"Received: {vocabulary[index]!r} at {index}."
        )
    return vocabulary
