"""The best tags of words that follow one another as they may."""

import numpy as np
import tensorflow as tf

_FORBIDDEN = -1e9


def best_tags(logits, words):
    """The most probable tags of which none goes on with a span that has not begun.

    Args:
        logits: float tensor `(batch, tokens, num_tags)`; tags as `ops.tag_spans` has them.
        words: bool tensor `(batch, tokens)`: which tokens speak for a word.

    Returns:
        int32 tensor `(batch, tokens)`, -1 where a token speaks for no word.

    Reference: Viterbi, Error Bounds for Convolutional Codes, 1967.
    """
    # TF Text's `viterbi_constrained_sequence` has no shape function: C programs cannot load it.
    # Not minus infinity, of which no sum is better than another.
    scores = tf.maximum(tf.nn.log_softmax(tf.cast(logits, tf.float32)), -1e4)
    rows = tf.ragged.boolean_mask(scores, words)  # (batch, words, num_tags)
    # One word more, so that there is a last one.
    dense = tf.pad(
        rows.to_tensor(0.0, shape=[None, None, logits.shape[-1]]), [[0, 0], [0, 1], [0, 0]]
    )
    there = tf.sequence_mask(rows.row_lengths(), tf.shape(dense)[1])
    best = _viterbi(tf.transpose(dense, [1, 0, 2]), tf.transpose(there))
    places = tf.maximum(tf.cumsum(tf.cast(words, tf.int32), axis=1) - 1, 0)
    return tf.where(words, tf.gather(tf.transpose(best), places, batch_dims=1), -1)


def _viterbi(scores, there):
    """The best tags `(words, batch)` by scores `(words, batch, num_tags)` where words are."""
    num_tags = scores.shape[-1]
    tags, penalties = tf.range(num_tags), _penalties(num_tags)

    def forward(state, word):
        (score, here), (total, _) = word, state
        ways = total[:, :, None] + penalties  # (batch, before, tag)
        came = tf.argmax(ways, axis=1, output_type=tf.int32)
        here = here[:, None]
        # Where there is no word, all stays as it was.
        total = tf.where(here, tf.reduce_max(ways, axis=1) + score, total)
        return total, tf.where(here, came, tags)

    # A text begins as if behind a word of no span.
    start = tf.where(tags == 0, 0.0, tf.fill(tf.shape(scores)[1:], _FORBIDDEN))
    nowhere = tf.zeros(tf.shape(start), tf.int32)
    totals, came = tf.scan(forward, (scores, there), (start, nowhere))
    last = tf.argmax(totals[-1], axis=1, output_type=tf.int32)
    before = tf.scan(lambda tag, came: tf.gather(came, tag, batch_dims=1), came, last, reverse=True)
    return tf.concat([before[1:], last[None]], axis=0)


def _penalties(num_tags):
    """Added to a way from tag to tag, `(num_tags, num_tags)`: 0 where it may be gone."""
    tags = np.arange(num_tags)
    kinds = (tags + 1) // 2
    goes_on = (tags % 2 == 0) & (tags > 0)
    allowed = ~goes_on[None, :] | (kinds[:, None] == kinds[None, :])
    return tf.constant(np.where(allowed, 0.0, _FORBIDDEN), tf.float32)
