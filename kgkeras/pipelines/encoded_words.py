"""Texts as token ids that know their words and mentions."""

import tensorflow as tf

from kgkeras.checks import describe
from kgkeras.pipelines.texts import encode_texts


def encode_words(preprocessor, texts, batch_size=1024):
    """Tokenizes and links texts once, and numbers the words and the mentions that tokens belong to.

    Args:
        preprocessor: A `kgkeras.text.Preprocessor`.
        texts: Sequence of strings.
        batch_size: Texts at a time.

    Returns:
        What `encode_texts` returns, and two int32 arrays `(texts, tokens)`:
            `words`: the number of each token's word in its text; -1 at the start and end tokens
                and at padding.
            `mentions`: the number of each token's mention, which tells neighbours that are of one
                entity apart; -1 where there is no entity.

    Raises:
        ValueError: If there is no text, or the preprocessor tells facts as words.
    """

    def encode(texts):
        encoded, words = preprocessor(texts), preprocessor.words(texts)
        if "branches" in encoded:
            raise ValueError(
                "`preprocessor` must not tell facts as words, which are nobody's to hide or to "
                f"tag. {describe(preprocessor)}."
            )
        # The tokens between the start and the end token.
        places = tf.pad(words["places"], [[0, 0], [1, 1]], constant_values=-1)
        number = tf.cumsum(tf.cast(words["mentions"], tf.int32), axis=1) - 1  # of words
        number = tf.gather(number, tf.maximum(places, 0), batch_dims=1)
        mentions = tf.where((encoded["entity_ids"] >= 0) & (places >= 0), number, -1)
        return {**encoded, "words": places, "mentions": mentions}

    return encode_texts(encode, texts, batch_size)
