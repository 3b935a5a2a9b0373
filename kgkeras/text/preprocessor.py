"""From texts to the tensors that models take: tokens, mask and entities, in the graph."""

import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.text.words import marker_index, split_words


class Preprocessor(tf.Module):
    """Splits, tokenizes and links texts.

    Works the same in eager code, in `tf.data` pipelines and in exported signatures.

    Args:
        tokenizer: `WordTokenizer` or `WordPieceTokenizer`; its `markers` stay whole and are
            never linked.
        linker: `DictionaryLinker`, or None for no entities.
        sequence_length: Number of tokens of every row, start and end token included.
        marked_only: True links only what stands between a marker that opens and one that closes:
            the tokenizer's markers in pairs, such as `("<e1>", "</e1>", "<e2>", "</e2>")`.

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
        ValueError: If `sequence_length` is below 3, `marked_only` is asked of a tokenizer without
            pairs of markers, or `texts` is not a batch of strings.
    """

    def __init__(self, tokenizer, linker=None, sequence_length=128, marked_only=False):
        super().__init__(name="preprocessor")
        self.tokenizer = tokenizer
        self.linker = linker
        self.sequence_length = positive_int("sequence_length", sequence_length)
        if self.sequence_length < 3:
            raise ValueError(
                "`sequence_length` must have room for a piece between the start and the end "
                f"token. Received: {self.sequence_length}."
            )

        self.marked_only = bool(marked_only)
        if marked_only and (not tokenizer.markers or len(tokenizer.markers) % 2):
            raise ValueError(
                "`marked_only` needs pairs of markers that open and close. "
                f"Received: a tokenizer with markers={tuple(tokenizer.markers)}."
            )

    def __call__(self, texts):
        """Returns the dict of `token_ids`, `padding_mask` and `entity_ids`."""
        tokens, entities = self._pieces(texts)
        return self._rows(tokens, entities)

    def pairs(self, first, second):
        """Two texts a row: the start token, the first, an end token, the second, an end token.

        Where both do not fit, the longer one is cut: each has room for half of a row if it needs
        that much.

        Args:
            first: string tensor, or list of strings, `(batch,)`.
            second: As many strings.

        Returns:
            The dict of the call, and `segment_ids`, int32 of the same shape: 1 at the second text
            and at the end token behind it.

        Raises:
            ValueError: If `sequence_length` is below 5.
        """
        room = self.sequence_length - 3
        if room < 2:
            raise ValueError(
                "A row of two texts needs a `sequence_length` of at least 5. "
                f"Received: {self.sequence_length}."
            )
        (tokens, entities), (more, others) = self._pieces(first), self._pieces(second)
        left, right = tokens.row_lengths(), more.row_lengths()
        left = tf.minimum(left, tf.maximum(room - right, (room + 1) // 2))
        right = tf.minimum(right, room - left)

        def joined(one, end, other):
            between = tf.fill(tf.stack([tf.size(left), 1]), end)
            return tf.concat([_cut(one, left), between, _cut(other, right)], axis=1)

        rows = self._rows(joined(tokens, self.tokenizer.end_id, more), joined(entities, -1, others))
        places = tf.range(self.sequence_length, dtype=tf.int64)
        second = (places >= left[:, tf.newaxis] + 2) & rows["padding_mask"]
        return {**rows, "segment_ids": tf.cast(second, tf.int32)}

    def pieces(self, texts):
        """The tokens of texts, however many, without those of start and end.

        Args:
            texts: string tensor, or list of strings, `(batch,)`.

        Returns:
            int32 ragged tensor `(batch, pieces)`.
        """
        return self._pieces(texts)[0]

    def _pieces(self, texts):
        """Tokens without start and end, and the entity at each: ragged `(batch, pieces)`."""
        words = split_words(texts, self.tokenizer.markers)
        pieces = self.tokenizer(words.words)  # (batch, words, pieces)
        entities = tf.repeat(self._entity_ids(words).flat_values, pieces.values.row_lengths())
        tokens = pieces.merge_dims(1, 2)  # (batch, pieces)
        return tokens, tokens.with_flat_values(entities)

    def _rows(self, tokens, entities):
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
        entities, starts = self._mentions(words)
        return tf.ragged.boolean_mask(entities, starts).to_tensor(-1, shape=(None, max_mentions))

    def words(self, texts):
        """The words of texts, and which tokens they became: to show what a model has read.

        There is room for as many words as for pieces; further words are left out.

        Args:
            texts: string tensor, or list of strings, `(batch,)`.

        Returns:
            A dict of tensors `(batch, sequence_length - 2)`:
                `words`: string, as spelled, filled up with "".
                `starts` and `ends`: int32, offsets of the word's first byte, and behind its last,
                    in the text's UTF-8; filled up with -1.
                `entity_ids`: int32, the entity at every word, -1 for none.
                `mentions`: bool, True at the first word of each mention.
                `places`: int32, not a word but a piece each, as the tokens between start and end:
                    the place of its word; -1 for padding and where the word is left out.
        """
        words = split_words(texts, self.tokenizer.markers)
        entities, mentions = self._mentions(words)
        pieces = self.tokenizer(words.words)
        places = tf.ragged.range(words.words.row_lengths()).flat_values
        places = tf.cast(tf.repeat(places, pieces.values.row_lengths()), tf.int32)
        room = self.sequence_length - 2
        shape = (None, room)
        # Words without pieces may push words that have some out.
        places = tf.where(places < room, places, -1)
        return {
            "words": words.words.to_tensor("", shape=shape),
            "starts": tf.cast(words.starts, tf.int32).to_tensor(-1, shape=shape),
            "ends": tf.cast(words.ends, tf.int32).to_tensor(-1, shape=shape),
            "entity_ids": entities.to_tensor(-1, shape=shape),
            "mentions": mentions.to_tensor(False, shape=shape),
            "places": pieces.merge_dims(1, 2).with_flat_values(places).to_tensor(-1, shape=shape),
        }

    def _entity_ids(self, words):
        return self._mentions(words)[0]

    def _mentions(self, words):
        """The entity at every word, -1 for none, and which words start a mention."""
        if self.linker is None:
            flat = words.words.flat_values
            return (
                words.words.with_flat_values(tf.fill(tf.shape(flat), -1)),
                words.words.with_flat_values(tf.zeros(tf.shape(flat), tf.bool)),
            )
        entities, starts = self.linker.mentions(words)
        if not self.marked_only:
            return entities, starts
        marked = self._marked(words.words)
        return (
            entities.with_flat_values(tf.where(marked, entities.flat_values, -1)),
            starts.with_flat_values(starts.flat_values & marked),
        )

    def _marked(self, words):
        """Boolean vector over all words: True between a marker that opens and one that closes."""
        index = marker_index(words, self.tokenizer.markers)
        opens = tf.cast((index.flat_values >= 0) & (index.flat_values % 2 == 0), tf.int32)
        closes = tf.cast((index.flat_values >= 0) & (index.flat_values % 2 == 1), tf.int32)
        steps = words.with_flat_values(opens - closes).to_tensor(0)  # (batch, words)
        depth = tf.RaggedTensor.from_tensor(tf.cumsum(steps, axis=1), words.row_lengths())
        return depth.flat_values > 0

    def _framed(self, rows, start, end, padding):
        """Rows cut to fit between `start` and `end`, `(batch, sequence_length)`."""
        rows = rows[:, : self.sequence_length - 2]
        column = tf.ones((rows.nrows(), 1), tf.int32)
        rows = tf.concat([column * start, rows, column * end], axis=1)
        return rows.to_tensor(padding, shape=(None, self.sequence_length))


def _cut(rows, lengths):
    """The first `lengths` elements of ragged rows."""
    places = rows.with_flat_values(tf.ragged.range(rows.row_lengths()).flat_values)
    kept = places.flat_values < tf.gather(lengths, rows.value_rowids())
    return tf.ragged.boolean_mask(rows, places.with_flat_values(kept))
