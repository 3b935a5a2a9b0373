"""Splits texts into words inside the graph, each with its spelling, offsets and normal form."""

import re
from typing import NamedTuple

import tensorflow as tf
import tensorflow_text as tf_text

# Words end where BERT's do, so that word pieces do not depend on who splits. Unlike KerasHub's
# splitter, but like BERT's own, all Unicode spaces separate words, not the ASCII ones alone.
_SPACES = r"\s|\p{Z}|\p{Cc}|\p{Cf}"
_SINGLES = (
    r"[!-/:-@\[-`{-~]|\p{P}|"  # ASCII symbols and Unicode punctuation
    r"[\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}"  # CJK ideographs
    r"\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"
)
# Marks that scripts share are accents. Vowel signs (Devanagari) and the voicing of kana, which is
# excepted here, make other words and stay.
_ACCENTS = r"[^\P{Inherited}\x{3099}\x{309A}]"
_APOSTROPHES = "[\u2018\u2019\u201b\u02bb\u02bc\u2032\u0060\u00b4]"
_DASHES = "[\u2010-\u2015\u2212]"


class Words(NamedTuple):
    """The words of a batch of texts: four ragged tensors of the same shape `(batch, words)`.

    Attributes:
        words: string; the words as spelled in the text.
        normalised: string; their normal forms (see `normalise`), `""` for a marker.
        starts: int64; offset in bytes of each word's first byte.
        ends: int64; offset in bytes after each word's last byte.
    """

    words: tf.RaggedTensor
    normalised: tf.RaggedTensor
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor


def split_words(texts, markers=()):
    """Splits texts into words.

    A run of letters, digits and combining marks is a word; so is every punctuation mark, every
    ASCII symbol and every CJK ideograph by itself. Other symbols stay with the word they touch
    (`10€`), as BERT has it. Spaces, control and format characters separate words.

    Args:
        texts: string tensor, or list of strings, `(batch,)`. Bytes that are not UTF-8 become
            U+FFFD; offsets count the bytes of the text after that.
        markers: Strings such as `"<e1>"` that stay whole wherever they occur.

    Returns:
        `Words`.

    Raises:
        ValueError: If `texts` is not a batch of strings, or a marker is not a non-empty string.
    """
    texts = _checked_texts(texts)
    markers = checked_markers(markers)
    # RE2's first alternative wins: a marker that begins another comes after it.
    whole = [re.escape(marker) for marker in sorted(markers, key=len, reverse=True)]
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
    texts = tf.strings.regex_replace(texts, r"\x00", " ")  # the splitter stops at a zero byte
    words, starts, ends = tf_text.regex_split_with_offsets(
        texts, "|".join([*whole, _SPACES, _SINGLES]), "|".join([*whole, _SINGLES])
    )
    normalised = normalise(words)
    if markers:
        normalised = tf.where(marker_index(words, markers) < 0, normalised, "")
    return Words(words, normalised, starts, ends)


def normalise(words):
    """The form in which words are compared: `"São"` and `"SAO"` are both `"sao"`.

    Case and compatibility variants are folded, accents go, typographic apostrophes and dashes
    become `'` and `-`, pictorial symbols (`™`) go unless they are all there is. No word becomes
    empty, none contains a space; normalising twice is normalising once.

    Args:
        words: string tensor or ragged tensor of any shape, a word (as split) an element.

    Returns:
        Tensor like `words`.
    """
    if isinstance(words, tf.RaggedTensor):
        return words.with_flat_values(normalise(words.flat_values))
    plain = tf.strings.regex_replace(words, r"\p{So}", "")
    plain = _plain_marks(plain)  # before, as NFKD makes a space and an accent of U+00B4
    plain = tf_text.normalize_utf8(plain, "NFKD")
    plain = _plain_marks(plain)  # and after, as it takes some out of other characters
    plain = tf.strings.regex_replace(plain, _ACCENTS, "")
    plain = tf_text.case_fold_utf8(plain)  # also composes again (NFKC)
    plain = tf.strings.regex_replace(plain, r"\s", "")
    return tf.where(plain == "", words, plain)


def _plain_marks(words):
    """Words with typographic apostrophes and dashes as those of ASCII."""
    words = tf.strings.regex_replace(words, _APOSTROPHES, "'")
    return tf.strings.regex_replace(words, _DASHES, "-")


def marker_index(words, markers):
    """Which of `markers` each word is.

    Args:
        words: string tensor or ragged tensor of any shape.
        markers: Tuple of strings.

    Returns:
        int32 tensor like `words`: the position in `markers`, -1 for any other word.
    """
    if isinstance(words, tf.RaggedTensor):
        return words.with_flat_values(marker_index(words.flat_values, markers))
    index = tf.fill(tf.shape(words), -1)
    for position, marker in enumerate(markers):
        index = tf.where(words == marker, position, index)
    return index


def checked_markers(markers):
    """Returns `markers` as a tuple, or raises `ValueError` unless they can be told from words."""
    if isinstance(markers, (str, bytes)):
        raise ValueError(f"`markers` must be a sequence of strings. Received: {markers!r}.")
    markers = tuple(markers)
    for marker in markers:
        if not isinstance(marker, str) or not marker or re.search(r"[\s\x00]", marker):
            raise ValueError(
                f"Each of `markers` must be a non-empty string without spaces. "
                f"Received: {marker!r} in markers={markers!r}."
            )
    if len(set(markers)) != len(markers):
        raise ValueError(f"`markers` must differ from one another. Received: markers={markers!r}.")
    return markers


def _checked_texts(texts):
    if isinstance(texts, (list, tuple)) and not texts:
        return tf.zeros((0,), tf.string)
    texts = tf.convert_to_tensor(texts)
    if texts.dtype != tf.string or texts.shape.rank not in (1, None):
        raise ValueError(
            "`texts` must be a batch of strings, shape (batch,). "
            f"Received: dtype {texts.dtype.name}, shape {tuple(texts.shape)}."
        )
    return tf.ensure_shape(texts, (None,))
