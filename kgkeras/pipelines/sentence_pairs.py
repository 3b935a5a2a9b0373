"""Pairs of sentences, the second of which may or may not follow the first."""

import numpy as np
import tensorflow as tf

from kgkeras.pipelines.texts import filled

_FILLS = {"token_ids": 0, "padding_mask": False, "entity_ids": -1, "words": -1, "mentions": -1}


class SentencePairs:
    """Adds a second sentence to each: with probability 1/2 the next one, else one drawn at random.

    The last sentence of a document always gets one of another place.

    Args:
        encoded: What `encode_words` returned for `n` sentences, in order.
        documents: Integers `(n,)`: the document that each is of.
        pad_id: Token that fills rows up.

    Call arguments:
        inputs: Dict of the columns of `encoded` for some sentences; further keys pass.
        rows: int32 `(batch,)`: which sentences they are.
        seed: Integer tensor `(2,)`.

    Returns:
        `(inputs, labels)`: the pairs, as "start first end second end", with int32 `segment_ids`
        `(batch, tokens)`, 1 at the second; and `next_sentence` `(batch,)`, 1 where it is the next.

    Raises:
        ValueError: If `documents` is not a number a sentence, or there are fewer than three.
    """

    def __init__(self, encoded, documents, pad_id):
        documents = np.asarray(documents)
        self._num_texts = len(encoded["token_ids"])
        if documents.shape != (self._num_texts,) or self._num_texts < 3:
            raise ValueError(
                f"`documents` must be a number for each of {self._num_texts} sentences, of which "
                f"there must be three. Received: shape {documents.shape}."
            )
        self._fills = {**_FILLS, "token_ids": pad_id}
        self._columns = {name: tf.convert_to_tensor(encoded[name]) for name in _FILLS}
        self._followed = tf.constant(np.append(documents[1:] == documents[:-1], False))

    def __call__(self, inputs, rows, seed):
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        coin = tf.random.stateless_uniform(tf.shape(rows), seeds[0]) < 0.5
        follows = coin & tf.gather(self._followed, rows)
        # Any sentence but this one and the next.
        other = tf.random.stateless_uniform(
            tf.shape(rows), seeds[1], maxval=self._num_texts - 2, dtype=tf.int32
        )
        second = tf.where(follows, rows + 1, (rows + 2 + other) % self._num_texts)
        second = {name: tf.gather(column, second) for name, column in self._columns.items()}
        pairs = join_sentences(inputs, second, self._fills)
        return {**inputs, **pairs}, {"next_sentence": tf.cast(follows, tf.int32)}


def join_sentences(first, second, fills):
    """Rows of two sentences: "start first end second end".

    Args:
        first: Dict of columns `(batch, tokens)`, `padding_mask` and `token_ids` among them.
        second: Dict of the same columns.
        fills: Dict from the columns to join to what fills rows up.

    Returns:
        Dict of these columns and of int32 `segment_ids`, 1 at the second sentence.
    """
    lengths = [_lengths(columns["padding_mask"]) for columns in (first, second)]

    def join(first, second, fill):
        first = tf.RaggedTensor.from_tensor(first, lengths[0])
        second = tf.RaggedTensor.from_tensor(second, lengths[1])[:, 1:]  # without its start
        return filled(tf.concat([first, second], axis=1), fill)

    pairs = {name: join(first[name], second[name], fill) for name, fill in fills.items()}
    segments = (tf.zeros_like(first["token_ids"]), tf.ones_like(second["token_ids"]))
    return {**pairs, "segment_ids": join(*segments, 0)}


def _lengths(padding_mask):
    return tf.reduce_sum(tf.cast(padding_mask, tf.int32), axis=1)
