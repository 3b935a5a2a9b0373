"""Facts in words among the words of a text, where their entities are named."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import describe, positive_int
from kgkeras.text.told_facts import ToldFacts, told_facts


class VerbalizedTriples(tf.Module):
    """A `Preprocessor` that also tells, behind each mention, facts of its entity in words.

    A text is a trunk, each fact a branch of its own: the words of the relation and of the tail,
    behind the mention's last word. `text.TreeEncoder` reads them so that a branch is seen by its
    mention and by itself, and moves no word of the text from its place.

    Which facts: those that tell the most come first, the ones whose relation and tail fewest
    entities share; ties go to the earlier fact. Where a row is too short, branches go before words:
    first those that alone are too long, then the lesser facts of all mentions.

    Args:
        preprocessor: `text.Preprocessor` with a linker.
        graph: `kg.KnowledgeGraph` that the linker names entities of. Facts are told of their heads;
            `graph.with_inverses()` also tells them of their tails.
        max_facts: Most facts of a mention.

    Call arguments:
        texts: string tensor, or list of strings, `(batch,)`.

    Returns:
        What the preprocessor returns, `token_ids`, `padding_mask` and `entity_ids` (-1 in
        branches), and int32 `(batch, sequence_length)` each:
            `positions`: the place of each token in its own reading: in the text without branches,
                or on from the mention; 0 at padding.
            `branches`: 0 in the text, numbers from 1 for the branches of a row.
            `mentions`: at the tokens of a mention and of its branches the number of the mention in
                the row, from 0; -1 elsewhere.

    Raises:
        ValueError: If the preprocessor has no linker, or the graph is empty.

    Reference: Liu et al., K-BERT, AAAI 2020.
    """

    def __init__(self, preprocessor, graph, max_facts=2):
        super().__init__(name="verbalized_triples")
        if preprocessor.linker is None:
            raise ValueError(f"`preprocessor` must have a linker. {describe(preprocessor)}.")
        self._fill(preprocessor, told_facts(preprocessor, graph, max_facts), max_facts)

    @classmethod
    def from_told_facts(cls, preprocessor, facts, max_facts):
        """Tells the `ToldFacts` that another one told.

        Raises:
            ValueError: If they do not belong to the preprocessor, or are damaged.
        """
        if preprocessor.linker is None:
            raise ValueError(f"`preprocessor` must have a linker. {describe(preprocessor)}.")
        facts.check(preprocessor.tokenizer.vocabulary_size, positive_int("max_facts", max_facts))
        made = cls.__new__(cls)
        tf.Module.__init__(made, name="verbalized_triples")
        made._fill(preprocessor, facts, max_facts)
        return made

    def told_facts(self):
        """The `ToldFacts` of all entities."""
        counts = self._count.numpy()
        heads = np.repeat(np.arange(len(counts)), counts)
        return ToldFacts(heads, self._pieces.numpy(), self._lengths.numpy(), len(counts))

    def _fill(self, preprocessor, facts, max_facts):
        self.preprocessor, self.max_facts = preprocessor, int(max_facts)
        counts = np.bincount(facts.heads, minlength=facts.num_entities)
        lengths = facts.lengths
        columns = {"first": np.cumsum(counts) - counts, "count": counts, "pieces": facts.pieces}
        columns |= {"starts": np.cumsum(lengths) - lengths, "lengths": lengths}
        for name, values in columns.items():
            # A vector that a SavedModel keeps beside its graph.
            values = tf.Variable(tf.cast(values, tf.int32), trainable=False, name=name)
            setattr(self, f"_{name}", values)

    @property
    def tokenizer(self):
        """The tokenizer of texts and facts."""
        return self.preprocessor.tokenizer

    @property
    def linker(self):
        """The linker of texts."""
        return self.preprocessor.linker

    @property
    def sequence_length(self):
        """Number of tokens of every row."""
        return self.preprocessor.sequence_length

    def linked(self, texts, max_mentions=8):
        """As `Preprocessor.linked`."""
        return self.preprocessor.linked(texts, max_mentions)

    def words(self, texts):
        """As `Preprocessor.words`; `places` are -1 at the tokens of facts."""
        words = self.preprocessor.words(texts)
        return {**words, "places": self._tree(texts, words)["places"][:, 1:-1]}

    def __call__(self, texts):
        """Returns the dict of six tensors `(batch, sequence_length)`."""
        told = self._tree(texts, self.preprocessor.words(texts))
        return {name: column for name, column in told.items() if name != "places"}

    def _tree(self, texts, words):
        """What the call returns, and at each token the `places` of its word."""
        trunk = _Trunk(self.preprocessor(texts), words)
        branches = self._branches(trunk)
        none = tf.fill(tf.shape(branches["row"]), -1)
        columns = {
            "token_ids": (trunk.tokens, branches["token_ids"], self.tokenizer.pad_id),
            "entity_ids": (trunk.entities, none, -1),
            "positions": (trunk.places, branches["positions"], 0),
            "branches": (tf.zeros_like(trunk.tokens), branches["number"], 0),
            "mentions": (trunk.mentions, branches["mention"], -1),
            "places": (trunk.words, none, -1),
        }
        order = trunk.order(branches, self.max_facts)
        rows = tf.gather(tf.concat([trunk.rows, branches["row"]], axis=0), order)
        lengths = tf.math.bincount(rows, minlength=trunk.batch, maxlength=trunk.batch)
        told = {}
        for name, (first, second, fill) in columns.items():
            flat = tf.gather(tf.concat([first, second], axis=0), order)
            ragged = tf.RaggedTensor.from_row_lengths(flat, lengths)
            told[name] = ragged.to_tensor(fill, shape=[None, self.sequence_length])
        return {**told, "padding_mask": tf.sequence_mask(lengths, self.sequence_length)}

    def _branches(self, trunk):
        """The tokens of the facts that fit: flat int32 columns."""
        entities, row, last, mention = trunk.named()
        counts = tf.gather(self._count, entities)
        rank = tf.ragged.range(counts).flat_values
        repeated = [tf.repeat(column, counts) for column in (entities, row, last, mention)]
        entity, row, last, mention = repeated
        fact = tf.gather(self._first, entity) + rank
        length = tf.gather(self._lengths, fact)
        width = self.sequence_length
        room = width - tf.gather(trunk.lengths, row)
        alone = length <= room
        columns = (row, last, mention, rank, fact, length, room)
        columns = [tf.boolean_mask(column, alone) for column in columns]
        # The best facts of all mentions first, as far as they fit.
        row, _, mention, rank, *_ = (tf.cast(column, tf.int64) for column in columns)
        order = tf.argsort((row * self.max_facts + rank) * width + mention)
        columns = [tf.gather(column, order) for column in columns]
        row, last, mention, rank, fact, length, room = columns
        total = tf.cumsum(length)
        before = tf.gather(total - length, tf.searchsorted(row, row))  # of other rows
        fits = total - before <= room
        columns = [tf.boolean_mask(c, fits) for c in (row, last, mention, rank, fact, length)]
        row, last, mention, rank, fact, length = columns
        place = tf.range(tf.size(row))
        number = place - tf.searchsorted(row, row) + 1
        inside = tf.ragged.range(length).flat_values
        start = tf.gather(self._starts, tf.repeat(fact, length))
        told = {"row": row, "last": last, "mention": mention, "rank": rank, "number": number}
        told = {name: tf.repeat(column, length) for name, column in told.items()}
        told["inside"], told["token_ids"] = inside, tf.gather(self._pieces, start + inside)
        told["positions"] = told["last"] + inside + 1
        return told


class _Trunk:
    """The tokens of texts, flat, and the mentions in them."""

    def __init__(self, plain, words):
        mask = plain["padding_mask"]
        self.batch, self.width = tf.unstack(tf.shape(mask))
        self.lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        self.rows = tf.cast(tf.where(mask)[:, 0], tf.int32)
        self.places = tf.cast(tf.where(mask)[:, 1], tf.int32)
        self.tokens = tf.boolean_mask(plain["token_ids"], mask)
        self.entities = tf.boolean_mask(plain["entity_ids"], mask)
        number = tf.cumsum(tf.cast(words["mentions"], tf.int32), axis=1) - 1  # of words
        places = tf.pad(words["places"], [[0, 0], [1, 1]], constant_values=-1)
        self.words = tf.boolean_mask(places, mask)
        number = tf.gather(number, tf.maximum(places, 0), batch_dims=1)
        self._mentions = tf.where((plain["entity_ids"] >= 0) & (places >= 0), number, -1)
        self._entities = plain["entity_ids"]
        self.mentions = tf.boolean_mask(self._mentions, mask)

    def named(self):
        """Entity, row, place of the last token and number of each mention: flat columns."""
        here = self._mentions
        behind = tf.pad(here[:, 1:], [[0, 0], [0, 1]], constant_values=-1)
        last = (here >= 0) & tf.not_equal(here, behind)
        row, place = tf.unstack(tf.cast(tf.where(last), tf.int32), axis=1)
        columns = (tf.boolean_mask(self._entities, last), row, place)
        return (*columns, tf.boolean_mask(here, last))

    def order(self, branches, max_facts):
        """The order of the trunk's tokens and those of branches, flat, in which rows are read."""
        row = tf.concat([self.rows, branches["row"]], axis=0)
        place = tf.concat([self.places, branches["last"]], axis=0)
        rank = tf.concat([tf.zeros_like(self.rows), branches["rank"] + 1], axis=0)
        # Stable: the tokens of a branch stay in their order.
        key = (tf.cast(row * self.width + place, tf.int64)) * (max_facts + 1)
        return tf.argsort(key + tf.cast(rank, tf.int64), stable=True)
