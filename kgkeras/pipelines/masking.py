"""Hides words and entities of texts, for a model to tell them from what is left."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import describe
from kgkeras.checks import rate as checked_rate
from kgkeras.pipelines.texts import filled

_MASKED, _RANDOM = 0.8, 0.1  # and the rest stays as it is


class Masking:
    """Chooses words and mentions at random and hides them.

    A unit is a mention of an entity, with `entity_rate`, or a word, or with `whole_words=False` a
    single token. Each unit of a text is as likely to be chosen as any other of its kind, and as
    many are as `rate` makes of their number, rounded up or down at random: so `rate` of the tokens
    are chosen on average. Units that hold a special token, a marker or an unknown word are not.

    80 % of the chosen units become mask tokens, 10 % as many random tokens, 10 % stay as they are.
    This is drawn once a unit, not once a token: pieces of a word that stayed beside masked ones
    would give it away.

    Args:
        tokenizer: `text.WordPieceTokenizer` or `text.WordTokenizer` with a mask token.
        rate: Part of the words to choose, in `[0, 1)`.
        entity_rate: Part of the mentions to choose, in `[0, 1)`; None to treat their words as any.
        whole_words: Whether the tokens of a word are hidden together.

    Call arguments:
        inputs: Dict of `token_ids`, `padding_mask`, `entity_ids`, `words` and `mentions`, each
            `(batch, tokens)`, as `encode_words` has it; further keys pass.
        seed: Integer tensor `(2,)`.

    Returns:
        `(inputs, labels)`, as `masked_text_batches` gives them.

    Raises:
        ValueError: If a rate is out of range, or the tokenizer has no mask token.
    """

    def __init__(self, tokenizer, rate=0.15, entity_rate=None, whole_words=True):
        self.rate = checked_rate("rate", rate)
        self.entity_rate = None if entity_rate is None else checked_rate("entity_rate", entity_rate)
        self.whole_words = bool(whole_words)
        if tokenizer.mask_id is None:
            raise ValueError(
                "`tokenizer` must have a [MASK]: among the pieces of a WordPieceTokenizer, or the "
                f"markers of a WordTokenizer. {describe(tokenizer)}."
            )
        self.mask_id = tokenizer.mask_id
        special = np.zeros(tokenizer.vocabulary_size, bool)
        special[list(tokenizer.special_ids)] = True
        self._special = tf.constant(special)
        self._ordinary = tf.constant(np.flatnonzero(~special), tf.int32)

    def __call__(self, inputs, seed):
        inputs = dict(inputs)
        words, mentions = inputs.pop("words"), inputs.pop("mentions")
        named = mentions >= 0
        tokens = inputs["token_ids"]
        units = self._units(words, mentions)
        free = inputs["padding_mask"] & ~tf.gather(self._special, tokens)
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
        chosen = tf.gather(self._chosen(units, free, named, seeds[:2]), units, batch_dims=1)
        drawn = tf.random.stateless_uniform(tf.shape(tokens), seeds[2])  # one a unit
        drawn = tf.where(chosen, tf.gather(drawn, units, batch_dims=1), 1.0)
        other = tf.random.stateless_uniform(
            tf.shape(tokens), seeds[3], maxval=tf.size(self._ordinary), dtype=tf.int32
        )
        other = tf.where(drawn < _MASKED + _RANDOM, tf.gather(self._ordinary, other), tokens)
        inputs["token_ids"] = tf.where(drawn < _MASKED, self.mask_id, other)
        labels = {}
        inputs["mask_positions"], labels["mask_ids"], labels["mask_weights"] = _places(
            chosen, tokens
        )
        first = mentions != _before(mentions, -2)
        if self.entity_rate is not None:
            inputs["entity_positions"], labels["entity_labels"], labels["entity_weights"] = _places(
                chosen & named & first, inputs["entity_ids"]
            )
        runs = _numbers(first)
        hidden = tf.gather(_any_of(chosen & named, runs), runs, batch_dims=1)
        inputs["entity_ids"] = tf.where(hidden, -1, inputs["entity_ids"])
        return inputs, labels

    def _units(self, words, mentions):
        """The number of each token's unit, int32 `(batch, tokens)`, rising along the row."""
        starts = words != _before(words, -2) if self.whole_words else tf.ones_like(words, tf.bool)
        if self.entity_rate is not None:
            before = _before(mentions, -1)
            starts = tf.where(mentions >= 0, mentions != before, starts | (before >= 0))
        return _numbers(starts)

    def _chosen(self, units, free, named, seeds):
        """Whether each unit is chosen, bool `(batch, tokens)`, its columns being units' numbers."""
        there = _any_of(tf.ones_like(free), units)
        candidates = there & ~_any_of(~free, units)
        if self.entity_rate is None:
            return _choose(candidates, self.rate, seeds[0])
        entities = _any_of(named, units)
        return _choose(candidates & ~entities, self.rate, seeds[0]) | _choose(
            candidates & entities, self.entity_rate, seeds[1]
        )


def _before(columns, first):
    """Each column's left neighbour, `first` in front."""
    return tf.pad(columns[:, :-1], [[0, 0], [1, 0]], constant_values=first)


def _numbers(starts):
    """Runs numbered from 0 in each row, of True where one begins, the first column always."""
    return tf.cumsum(tf.cast(starts, tf.int32), axis=1) - 1


def _any_of(flags, numbers):
    """Whether a flag is set anywhere in a run, bool `(batch, tokens)`: column `i` is of run `i`."""
    rows, columns = tf.unstack(tf.shape(numbers))
    flat = numbers + columns * tf.range(rows)[:, None]
    counts = tf.math.unsorted_segment_sum(tf.cast(flags, tf.int32), flat, rows * columns)
    return tf.reshape(counts, [rows, columns]) > 0


def _choose(candidates, rate, seed):
    """`rate` of each row's candidates, their number rounded up or down at random."""
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    order = tf.random.stateless_uniform(tf.shape(candidates), seeds[0])
    rank = tf.argsort(tf.argsort(tf.where(candidates, order, 2.0), axis=1), axis=1)
    # Double precision, as `rate` times a number may be meant to be whole.
    total = tf.reduce_sum(tf.cast(candidates, tf.float64), axis=1, keepdims=True)
    luck = tf.random.stateless_uniform(tf.shape(total), seeds[1], dtype=tf.float64)
    return candidates & (rank < tf.cast(tf.floor(rate * total + luck), tf.int32))


def _places(flags, ids):
    """Where flags are set, the ids there and their weights, each `(batch, places)`."""
    positions = tf.broadcast_to(tf.range(tf.shape(flags)[1]), tf.shape(flags))
    positions = tf.ragged.boolean_mask(positions, flags)
    weights = tf.cast(tf.size(positions.row_lengths()), tf.float32)
    weights /= tf.cast(tf.maximum(tf.size(positions.flat_values), 1), tf.float32)
    weights = positions.with_flat_values(tf.fill(tf.shape(positions.flat_values), weights))
    found = tf.ragged.boolean_mask(ids, flags)
    # Logits are the dearest part of a small model: few places more than there are hidden ones.
    return tuple(
        filled(rows, fill, step=2) for rows, fill in ((positions, 0), (found, -1), (weights, 0.0))
    )
