"""Texts as batches of token and entity ids."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import describe, positive_int
from kgkeras.pipelines.mapping import parallel_map

# Batches are as long as their longest text, rounded up: few different shapes, little padding.
_LENGTH_STEP = 8
_MASK = "padding_mask"


def encode_texts(preprocessor, texts, batch_size=1024):
    """Tokenizes and links texts once, in the TensorFlow graph.

    Args:
        preprocessor: A `kgkeras.text.Preprocessor`.
        texts: Sequence of strings.
        batch_size: Texts at a time.

    Returns:
        Dict of NumPy arrays `(texts, words)`: `token_ids`, `padding_mask`, `entity_ids`.

    Raises:
        ValueError: If there is no text.
    """
    if not len(texts):
        raise ValueError("`texts` must hold at least one string. Received: none.")
    return _encoded(preprocessor, list(texts), batch_size)


def encode_pairs(preprocessor, first, second, batch_size=1024):
    """Tokenizes and links pairs of texts once, in the TensorFlow graph.

    Args:
        preprocessor: A `kgkeras.text.Preprocessor`.
        first: Sequence of strings.
        second: As many strings, or a sequence of equally many sequences of as many strings each:
            the choices beside each of `first`.
        batch_size: Pairs at a time.

    Returns:
        Dict of NumPy arrays `(texts, words)`, with choices `(texts, choices, words)`: what
        `Preprocessor.pairs` returns.

    Raises:
        ValueError: If there is no text, the numbers of texts or of choices differ, or the
            preprocessor does not read pairs.
    """
    if not hasattr(preprocessor, "pairs"):
        raise ValueError(f"`preprocessor` must read pairs of texts. {describe(preprocessor)}.")
    second = list(second)
    choices = _num_choices(first, second)
    if isinstance(second[0], str):
        return _encoded(preprocessor.pairs, (list(first), second), batch_size)
    pairs = [(one, choice) for one, texts in zip(first, second, strict=True) for choice in texts]
    columns = tuple(map(list, zip(*pairs, strict=True)))
    encoded = _encoded(preprocessor.pairs, columns, batch_size)
    return {name: column.reshape(len(first), choices, -1) for name, column in encoded.items()}


def encode_choices(preprocessor, questions, choices, batch_size=1024):
    """Tokenizes questions, and the answers to choose from, apart: for `models.ChoiceMatcher`.

    Args:
        preprocessor: A `kgkeras.text.Preprocessor`.
        questions: Sequence of strings.
        choices: As many sequences of equally many strings each.
        batch_size: Texts at a time.

    Returns:
        Dict of NumPy arrays: `token_ids` and `padding_mask`, `(questions, words)`, and
        `choice_token_ids` and `choice_padding_mask`, `(questions, choices, words)`.

    Raises:
        ValueError: If there is no question, or the numbers of questions or of choices differ.
    """
    choices = [[row] if isinstance(row, str) else list(row) for row in choices]
    number = _num_choices(questions, choices, ("questions", "choices"))
    asked = encode_texts(preprocessor, list(questions), batch_size)
    offered = encode_texts(preprocessor, [text for row in choices for text in row], batch_size)
    names = "token_ids", _MASK
    return {name: asked[name] for name in names} | {
        f"choice_{name}": offered[name].reshape(len(choices), number, -1) for name in names
    }


def _num_choices(first, second, names=("first", "second")):
    """How many texts of `second` there are for each of `first`."""
    choices = [1 if isinstance(texts, str) else len(texts) for texts in second]
    if not len(first) or len(first) != len(second) or len(set(choices)) != 1 or not choices[0]:
        raise ValueError(
            f"`{names[1]}` must hold a string, or equally many choices, for each string of "
            f"`{names[0]}`. Received: {len(first)} and {len(second)} entries, of "
            f"{sorted(set(choices))} choices."
        )
    return choices[0]


def _encoded(encode, texts, batch_size):
    dataset = tf.data.Dataset.from_tensor_slices(texts).batch(batch_size)
    batches = list(parallel_map(dataset, encode).as_numpy_iterator())
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def text_batches(encoded, labels, batch_size):
    """One pass over texts in their order, for `evaluate` and `predict`.

    Batches are trimmed to their longest text: for `predict` the model must give one row a text.

    Args:
        encoded: What `encode_texts` returned.
        labels: Array whose first axis counts the texts.
        batch_size: Texts a batch; the last may hold fewer.

    Returns:
        `tf.data.Dataset` of `(inputs, labels)`.
    """
    batch_size = positive_int("batch_size", batch_size)
    dataset = tf.data.Dataset.from_tensor_slices((encoded, labels)).batch(batch_size)
    return parallel_map(dataset, trim).prefetch(tf.data.AUTOTUNE)


def trim(inputs, *rest):
    """Cuts the words that are padding in the whole batch, down to a multiple of eight.

    Each mask is of the columns that begin as it does: `choice_padding_mask` of `choice_token_ids`.
    """
    masks = [name for name in inputs if name.endswith(_MASK)]
    lengths = {name.removesuffix(_MASK): _rounded(_longest(inputs[name])) for name in masks}

    def cut(name, column):
        return column[..., : lengths[max(filter(name.startswith, lengths), key=len)]]

    columns = {name: cut(name, c) if c.shape.rank > 1 else c for name, c in inputs.items()}
    return (columns, *rest)


def _longest(mask):
    return tf.reduce_max(tf.reduce_sum(tf.cast(mask, tf.int32), axis=-1))


def filled(rows, fill, step=_LENGTH_STEP):
    """Ragged rows as a matrix, `fill` behind each, up to a multiple of `step`, as by `trim`."""
    matrix = rows.to_tensor(fill)
    width = tf.shape(matrix)[1]
    return tf.pad(matrix, [[0, 0], [0, _rounded(width, step) - width]], constant_values=fill)


def _rounded(length, step=_LENGTH_STEP):
    return -(-tf.maximum(length, 1) // step) * step
