"""The best tags of words that follow one another as they may."""

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text


def best_tags(logits, words):
    """The most probable tags of which none goes on with a span that has not begun.

    Args:
        logits: float tensor `(batch, tokens, num_tags)`; tags as `ops.tag_spans` has them.
        words: bool tensor `(batch, tokens)`: which tokens speak for a word.

    Returns:
        int32 tensor `(batch, tokens)`, -1 where a token speaks for no word.

    Reference: Viterbi, Error Bounds for Convolutional Codes, 1967.
    """
    # Not minus infinity, of which no sum is better than another.
    scores = tf.maximum(tf.nn.log_softmax(tf.cast(logits, tf.float32)), -1e4)
    rows = tf.ragged.boolean_mask(scores, words)  # (batch, words, num_tags)
    lengths = rows.row_lengths()
    rows = rows.to_tensor(0.0, shape=[None, None, logits.shape[-1]])
    # One word more, as the operation refuses batches without any.
    best = tf_text.viterbi_constrained_sequence(
        tf.pad(rows, [[0, 0], [0, 1], [0, 0]]),
        tf.cast(lengths, tf.int64),
        allowed_transitions=_allowed(logits.shape[-1]),
        use_log_space=True,
        use_start_and_end_states=True,
    )
    places = tf.cumsum(tf.cast(words, tf.int32), axis=1) - 1
    best = best.to_tensor(-1, shape=[None, None])
    best = tf.pad(tf.cast(best, tf.int32), [[0, 0], [0, 1]], constant_values=-1)
    best = tf.gather(best, tf.clip_by_value(places, 0, tf.shape(best)[1] - 1), batch_dims=1)
    return tf.where(words, best, -1)


def _allowed(num_tags):
    """Which tag may follow which; the last row and column are the text's start and end."""
    tags = np.arange(num_tags + 1)
    kinds = (tags + 1) // 2
    kinds[-1] = -1
    goes_on = (tags % 2 == 0) & (tags > 0) & (tags < num_tags)
    return ~goes_on[None, :] | (kinds[:, None] == kinds[None, :])
