"""From texts to the tensors that models take: tokens, mask and entities, in the graph."""

import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.text.words import split_words


class Preprocessor(tf.Module):
    """Splits, tokenizes and links texts.

    Works the same in eager code, in `tf.data` pipelines and in exported signatures.

    Args:
        tokenizer: `WordTokenizer` or `WordPieceTokenizer`; its `markers` stay whole and are
            never linked.
        linker: `DictionaryLinker`, or None for no entities.
        sequence_length: Number of tokens of every row, start and end token included.

    Call arguments:
        texts: string tensor, or list of strings, `(batch,)`.

    Returns:
        A dict:
            `token_ids`: int32 `(batch, sequence_length)`: the start token, the text's pieces, as
                many as fit, the end token, then padding.
            `padding_mask`: bool, same shape: True at tokens, False at padding.
            `entity_ids`: int32, same shape: the entity at every piece of a linked word, -1
                elsewhere.

    Raises:
        ValueError: If `sequence_length` is below 3, or `texts` is not a batch of strings.
    """

    def __init__(self, tokenizer, linker=None, sequence_length=128):
        super().__init__(name="preprocessor")
        self.tokenizer = tokenizer
        self.linker = linker
        self.sequence_length = positive_int("sequence_length", sequence_length)
        if self.sequence_length < 3:
            raise ValueError(
                "`sequence_length` must have room for a piece between the start and the end "
                f"token. Received: {self.sequence_length}."
            )

    def __call__(self, texts):
        """Returns the dict of `token_ids`, `padding_mask` and `entity_ids`."""
        words = split_words(texts, self.tokenizer.markers)
        pieces = self.tokenizer(words.words)  # (batch, words, pieces)
        entities = tf.repeat(self._entity_ids(words).flat_values, pieces.values.row_lengths())
        tokens = pieces.merge_dims(1, 2)  # (batch, pieces)
        entities = tokens.with_flat_values(entities)
        tokenizer = self.tokenizer
        token_ids = self._framed(tokens, tokenizer.start_id, tokenizer.end_id, tokenizer.pad_id)
        lengths = tf.minimum(tokens.row_lengths(), self.sequence_length - 2) + 2
        return {
            "token_ids": token_ids,
            "padding_mask": tf.sequence_mask(lengths, self.sequence_length),
            "entity_ids": self._framed(entities, -1, -1, -1),
        }

    def linked(self, texts, max_mentions=8):
        """The entities that texts mention, in order.

        Args:
            texts: string tensor, or list of strings, `(batch,)`.
            max_mentions: Number of mentions to keep.

        Returns:
            int32 tensor `(batch, max_mentions)`, filled up with -1.
        """
        max_mentions = positive_int("max_mentions", max_mentions)
        words = split_words(texts, self.tokenizer.markers)
        entities = self._entity_ids(words)
        if self.linker is not None:
            entities = tf.ragged.boolean_mask(*self.linker.mentions(words))
        return entities.to_tensor(-1, shape=(None, max_mentions))

    def _entity_ids(self, words):
        if self.linker is not None:
            return self.linker(words)
        flat = words.words.flat_values
        return words.words.with_flat_values(tf.fill(tf.shape(flat), -1))

    def _framed(self, rows, start, end, padding):
        """Rows cut to fit between `start` and `end`, `(batch, sequence_length)`."""
        rows = rows[:, : self.sequence_length - 2]
        column = tf.ones((rows.nrows(), 1), tf.int32)
        rows = tf.concat([column * start, rows, column * end], axis=1)
        return rows.to_tensor(padding, shape=(None, self.sequence_length))
