"""BERT's word pieces, word by word, so that each piece knows its word."""

import os
import pathlib
import re

import keras_hub
import tensorflow as tf

from kgkeras.checks import describe
from kgkeras.text.words import checked_markers, marker_index

_VOCABULARY_FILES = ("vocab.txt", "vocabulary.txt", "assets/tokenizer/vocabulary.txt")


class WordPieceTokenizer(tf.Module):
    """Maps every word to the word pieces of a KerasHub tokenizer.

    The pieces of all words, one after the other, are the pieces of the whole text. Markers take
    entries that BERT's vocabulary holds in reserve, `[unused0]` onwards.

    Args:
        tokenizer: `keras_hub.tokenizers.WordPieceTokenizer`, such as a
            `keras_hub.models.BertTokenizer`.
        markers: Strings such as `"<e1>"` that have an id of their own.

    Call arguments:
        words: string ragged tensor `(batch, words)`, as `split_words(texts, markers).words`.

    Returns:
        int32 ragged tensor `(batch, words, pieces)`.

    Raises:
        ValueError: If `tokenizer` is of another kind, a special token is not in its vocabulary,
            or it holds fewer reserved entries than there are markers.
    """

    def __init__(self, tokenizer, markers=()):
        super().__init__(name="word_piece_tokenizer")
        if not isinstance(tokenizer, keras_hub.tokenizers.WordPieceTokenizer):
            raise ValueError(
                "`tokenizer` must be a keras_hub.tokenizers.WordPieceTokenizer. "
                f"{describe(tokenizer)}."
            )
        vocabulary = tokenizer.get_vocabulary()
        self.markers = checked_markers(markers)
        self.vocabulary_size = len(vocabulary)
        self.pad_id, self.start_id, self.end_id, self.unknown_id = (
            _position(vocabulary, token)
            for token in ("[PAD]", "[CLS]", "[SEP]", tokenizer.oov_token)
        )
        reserved = [i for i, token in enumerate(vocabulary) if re.match(r"\[unused\d+\]", token)]
        if len(reserved) < len(self.markers):
            raise ValueError(
                "`markers` needs as many [unused...] entries in the vocabulary. "
                f"Received: {len(self.markers)} markers, {len(reserved)} entries."
            )
        self.marker_ids = tuple(reserved[: len(self.markers)])
        # Outside a graph KerasHub takes a slower way through Python.
        self._pieces = tf.function(
            tokenizer.tokenize, input_signature=[tf.TensorSpec((None,), tf.string)]
        )

    @classmethod
    def from_vocabulary(cls, vocabulary, lowercase=True, strip_accents=None, markers=()):
        """The tokenizer of a BERT vocabulary.

        Args:
            vocabulary: List of pieces, path of a file with a piece a line, or path of a folder
                that holds such a file under one of its usual names.
            lowercase: Whether the vocabulary is of lower-case pieces ("uncased").
            strip_accents: Whether accents go; None does as BERT, which strips them if it
                lowercases.
            markers: As in the constructor.

        Raises:
            FileNotFoundError: If there is no vocabulary at the path.
        """
        if isinstance(vocabulary, (str, os.PathLike)):
            vocabulary = str(_vocabulary_file(pathlib.Path(vocabulary)))
        strip_accents = lowercase if strip_accents is None else strip_accents
        tokenizer = keras_hub.models.BertTokenizer(
            vocabulary, lowercase=lowercase, strip_accents=strip_accents
        )
        return cls(tokenizer, markers)

    def __call__(self, words):
        """Returns the pieces of each word."""
        flat = words.flat_values
        if not self.markers:
            return words.with_flat_values(self._pieces(flat))
        marker = marker_index(flat, self.markers)
        # A marker leaves no piece of its own spelling behind and gets its id in front.
        pieces = self._pieces(tf.where(marker < 0, flat, ""))
        ids = tf.gather(self.marker_ids, tf.boolean_mask(marker, marker >= 0))
        ids = tf.RaggedTensor.from_row_lengths(ids, tf.cast(marker >= 0, tf.int64))
        return words.with_flat_values(tf.concat([ids, pieces], axis=1))


def _position(vocabulary, token):
    if token not in vocabulary:
        raise ValueError(
            f"The vocabulary must hold {token!r}. Received: {len(vocabulary)} pieces without it."
        )
    return vocabulary.index(token)


def _vocabulary_file(path):
    files = [path, *(path / name for name in _VOCABULARY_FILES)]
    for file in files:
        if file.is_file():
            return file
    raise FileNotFoundError(
        f"No vocabulary at {path}: it is neither a file nor a folder with one of "
        f"{', '.join(_VOCABULARY_FILES)}."
    )
