"""Texts as batches of token and entity ids."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import describe, positive_int
from kgkeras.pipelines.mapping import parallel_map

# Batches are as long as their longest text, rounded up: few different shapes, little padding.
_LENGTH_STEP = 8


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
    choices = [1 if isinstance(texts, str) else len(texts) for texts in second]
    if not len(first) or len(first) != len(second) or len(set(choices)) != 1 or not choices[0]:
        raise ValueError(
            "`second` must hold a string, or equally many choices, for each string of `first`. "
            f"Received: {len(first)} and {len(second)} entries, of {sorted(set(choices))} choices."
        )
    if isinstance(second[0], str):
        return _encoded(preprocessor.pairs, (list(first), second), batch_size)
    pairs = [(one, choice) for one, texts in zip(first, second, strict=True) for choice in texts]
    columns = tuple(map(list, zip(*pairs, strict=True)))
    encoded = _encoded(preprocessor.pairs, columns, batch_size)
    return {name: column.reshape(len(first), choices[0], -1) for name, column in encoded.items()}


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
    """Cuts the words that are padding in the whole batch, down to a multiple of eight."""
    longest = tf.reduce_max(tf.reduce_sum(tf.cast(inputs["padding_mask"], tf.int32), axis=-1))
    length = _rounded(longest)
    columns = {name: c[..., :length] if c.shape.rank > 1 else c for name, c in inputs.items()}
    return (columns, *rest)


def filled(rows, fill, step=_LENGTH_STEP):
    """Ragged rows as a matrix, `fill` behind each, up to a multiple of `step`, as by `trim`."""
    matrix = rows.to_tensor(fill)
    width = tf.shape(matrix)[1]
    return tf.pad(matrix, [[0, 0], [0, _rounded(width, step) - width]], constant_values=fill)


def _rounded(length, step=_LENGTH_STEP):
    return -(-tf.maximum(length, 1) // step) * step
