"""Facts in words as ids, and ids as texts about them, inside a SavedModel."""

import tensorflow as tf

from kgkeras.agents.writing.entity_forms import entity_forms_of_tensor
from kgkeras.agents.writing.fact_tokens import (
    FIRST_SLOT,
    PADDING,
    RELATION_WORDS,
    START,
    UNKNOWN,
    split_relations,
)
from kgkeras.text import StringList, StringTable


class FactTexts:
    """What `agents.FactTokens` does, in operations of TensorFlow.

    Args:
        tokens: `agents.FactTokens`.

    Attributes:
        tracked: What `write_saved_model` must be told of.
    """

    def __init__(self, tokens):
        self.tokens = tokens
        ids = range(len(tokens.words))
        self.word_ids = StringTable((word.encode() for word in tokens.words), ids, "word_ids")
        self.words = StringList(tokens.words, "words")
        # The list strips the words of the blank before them.
        self.spaced = tf.constant([word.startswith(" ") for word in tokens.words], tf.bool)
        self.tracked = [self.word_ids, self.words]

    def encode(self, head, relation, tail):
        """Facts as `FactTokens.encode_facts` reads them.

        Args:
            head: string `(batch, n)`: the facts' heads, "" where there are fewer.
            relation: The relations, likewise.
            tail: The tails, likewise.

        Returns:
            `(ids, entities, fits)`: int32 `(batch, facts_length)`; string `(batch, max_entities)`,
            the names of the entities by number, "" filling up; and bool `(batch,)`, whether there
            are some facts, each whole, and not too many facts or entities.
        """
        facts = tf.stack([head, relation, tail], axis=-1)
        there = tf.not_equal(facts, "")
        given = tf.reduce_any(there, axis=-1)
        whole = tf.reduce_all(tf.equal(there, given[..., None]), axis=[1, 2])
        facts = tf.ragged.boolean_mask(facts, given)
        counts = tf.cast(facts.row_lengths(), tf.int32)
        tokens = self.tokens
        facts = facts.to_tensor("", shape=[None, tokens.max_facts, 3])
        ends = tf.reshape(tf.gather(facts, [0, 2], axis=-1), [-1, 2 * tokens.max_facts])
        numbers, entities, num_entities = _numbered(ends)
        slots = FIRST_SLOT + numbers * tokens.slots_each + 1  # `tokens.slot(number)`
        slots = tf.reshape(slots, [-1, tokens.max_facts, 2])
        words = self._relation_words(facts[..., 1])
        ids = tf.concat([slots[..., :1], words, slots[..., 1:]], axis=-1)
        given = tf.range(tokens.max_facts) < counts[:, None]
        ids = tf.where(given[..., None], ids, PADDING)
        ids = tf.reshape(ids, [-1, tokens.facts_length - 1])
        # What fills up goes to the left, all else keeps its order.
        order = tf.argsort(tf.cast(tf.not_equal(ids, PADDING), tf.int32), axis=1, stable=True)
        ids = tf.pad(tf.gather(ids, order, batch_dims=1), [[0, 0], [0, 1]], constant_values=START)
        fits = whole & (counts > 0) & (counts <= tokens.max_facts)
        fits &= num_entities <= tokens.max_entities
        ids = tf.where(fits[:, None], ids, PADDING)
        return ids, entities.to_tensor("", shape=[None, tokens.max_entities]), fits

    def decode(self, ids, entities):
        """Texts as `FactTokens.decode` writes them.

        Args:
            ids: int32 `(batch, words)`, 0 behind the end.
            entities: string `(batch, max_entities)`.

        Returns:
            string `(batch,)`.
        """
        tokens = self.tokens
        forms = entity_forms_of_tensor(entities)
        slots = tf.stack([forms, tf.strings.join([" ", forms])], axis=-1)
        slots = tf.reshape(slots, [-1, tokens.max_entities * tokens.slots_each])
        slot = tf.clip_by_value(ids - FIRST_SLOT, 0, slots.shape[1] - 1)
        written = tf.where(ids >= FIRST_SLOT, tf.gather(slots, slot, batch_dims=1), "")
        word = ids - tokens.first_word
        blanks = tf.where(tf.gather(self.spaced, tf.maximum(word, 0)), " ", "")
        words = tf.strings.join([blanks, self.words(word)])
        text = tf.strings.reduce_join(tf.where(word >= 0, words, written), axis=1)
        return tf.strings.regex_replace(text, "^ ", "")

    def _relation_words(self, relations):
        """Ids of the first words of relations' names: int32 `(batch, facts, RELATION_WORDS)`."""
        words = split_relations(relations).to_tensor(
            "", shape=[None, self.tokens.max_facts, RELATION_WORDS]
        )
        ids = self.word_ids(tf.strings.join([" ", words]))
        ids = tf.where(ids < 0, UNKNOWN, ids + self.tokens.first_word)
        return tf.where(tf.equal(words, ""), PADDING, ids)


def split_facts(facts):
    """Facts in one string each row, such as `"Ada | born_in | London ; London | part_of | UK"`.

    Returns:
        `(head, relation, tail)`: string `(batch, n)` each, "" filling up. What has not three parts
        becomes a head alone.
    """
    rows = tf.strings.split(tf.strings.join([facts, " "]), " ; ")
    rows = rows.with_values(tf.strings.strip(rows.values))
    rows = tf.ragged.boolean_mask(rows, tf.not_equal(rows, ""))
    parts = tf.strings.split(rows.values, " | ")
    parts = parts.with_values(tf.strings.strip(parts.values))
    whole = tf.equal(parts.row_lengths(), 3) & ~tf.reduce_any(tf.equal(parts, ""), axis=1)
    alone = tf.pad(rows.values[:, None], [[0, 0], [0, 2]], constant_values="")
    triples = tf.where(whole[:, None], parts.to_tensor("", shape=[None, 3]), alone)
    triples = rows.with_values(triples).to_tensor("")
    return tf.unstack(tf.ensure_shape(triples, [None, None, 3]), axis=-1)


def _numbered(names):
    """Numbers of names `(batch, n)` as they come, what has which, and how many there are."""
    n = names.shape[1]
    same = tf.equal(names[:, :, None], names[:, None, :])
    first = tf.argmax(tf.cast(same, tf.int32), axis=-1, output_type=tf.int32)
    new = tf.equal(first, tf.range(n)) & tf.not_equal(names, "")
    numbers = tf.cumsum(tf.cast(new, tf.int32), axis=1)
    numbers = tf.gather(numbers - 1, first, batch_dims=1)
    return numbers, tf.ragged.boolean_mask(names, new), tf.reduce_max(numbers, axis=1) + 1
