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
    entries that BERT's vocabulary holds in reserve, `[unused0]` onwards; one that is an entry
    itself, such as `"[MASK]"`, keeps its own.

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

    Attributes:
        tokens: The piece of each id.
        mask_id: Id of `[MASK]`, None where the vocabulary has none.
        special_ids: Ids that stand for no word: those of the special tokens, and all in reserve.
    """

    def __init__(self, tokenizer, markers=()):
        super().__init__(name="word_piece_tokenizer")
        if not isinstance(tokenizer, keras_hub.tokenizers.WordPieceTokenizer):
            raise ValueError(
                "`tokenizer` must be a keras_hub.tokenizers.WordPieceTokenizer. "
                f"{describe(tokenizer)}."
            )
        self.vocabulary = self.tokens = vocabulary = tuple(tokenizer.get_vocabulary())
        self.markers = checked_markers(markers)
        self.vocabulary_size = len(vocabulary)
        self._options = _options(tokenizer)
        self.pad_id, self.start_id, self.end_id, self.unknown_id = (
            _position(vocabulary, token)
            for token in ("[PAD]", "[CLS]", "[SEP]", tokenizer.oov_token)
        )
        reserved = [i for i, token in enumerate(vocabulary) if re.match(r"\[unused\d+\]", token)]
        self.marker_ids = _marker_ids(self.markers, vocabulary, reserved)
        self.mask_id = vocabulary.index("[MASK]") if "[MASK]" in vocabulary else None
        special = {self.pad_id, self.start_id, self.end_id, self.unknown_id, self.mask_id}
        self.special_ids = tuple(sorted({*special, *reserved} - {None}))
        # Outside a graph KerasHub takes a slower way through Python.
        self._pieces = tf.function(
            tokenizer.tokenize,
            input_signature=[tf.TensorSpec((None,), tf.string)],
            autograph=False,
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

    @classmethod
    def from_pieces(cls, vocabulary, markers=(), **options):
        """The tokenizer of any pieces.

        Args:
            vocabulary: List of pieces.
            markers: As in the constructor.
            **options: Of `keras_hub.tokenizers.WordPieceTokenizer`, such as `lowercase=True`.
        """
        return cls(keras_hub.tokenizers.WordPieceTokenizer(list(vocabulary), **options), markers)

    def get_config(self):
        """The arguments of `from_pieces` but the vocabulary, as JSON can hold them.

        Raises:
            ValueError: If the KerasHub tokenizer is of a class with a way of its own to tokenize.
        """
        if self._options is None:
            raise ValueError(
                "Only a tokenizer that makes pieces as keras_hub.tokenizers.WordPieceTokenizer "
                "does can be told by its options. Received: one of a class that overrides "
                "`tokenize`."
            )
        return {"markers": list(self.markers), **self._options}

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


def _marker_ids(markers, vocabulary, reserved):
    """The marker's own entry, or the next one in reserve."""
    new = [marker for marker in markers if marker not in vocabulary]
    if len(reserved) < len(new):
        raise ValueError(
            "`markers` needs as many [unused...] entries in the vocabulary. "
            f"Received: {len(new)} markers, {len(reserved)} entries."
        )
    taken = dict(zip(new, reserved, strict=False))
    return tuple(
        taken[marker] if marker in taken else vocabulary.index(marker) for marker in markers
    )


def _options(tokenizer):
    """What a KerasHub tokenizer of the same pieces needs to be told; None where that is not all."""
    plain = keras_hub.tokenizers.WordPieceTokenizer
    if type(tokenizer).tokenize is not plain.tokenize:
        return None
    config = tokenizer.get_config()
    options = ("lowercase", "strip_accents", "split", "suffix_indicator", "oov_token")
    return {
        **{name: config[name] for name in (*options, "special_tokens_in_strings")},
        "split_on_cjk": tokenizer.split_on_cjk,  # which KerasHub's own configuration forgets
        # Those that a class such as BertTokenizer knows, and those that it was given.
        "special_tokens": [*sorted(tokenizer.special_tokens), *(config["special_tokens"] or ())],
    }


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
