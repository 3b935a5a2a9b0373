"""Finds the names of entities in texts by looking them up in a dictionary."""

import re
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kgkeras.text.string_table import StringTable
from kgkeras.text.surface_forms import EXACT, FormTable, form_table
from kgkeras.text.words import split_words

_CERTAINLY_WORD = re.compile(r"[!-~\w]")


class Mentions(NamedTuple):
    """The mentions in a batch of texts: two ragged tensors `(batch, words)`.

    Attributes:
        entity_ids: int32; at every word of a mention its entity, -1 elsewhere.
        starts: bool; True at the first word of each mention, which tells neighbours apart.
    """

    entity_ids: tf.RaggedTensor
    starts: tf.RaggedTensor


class DictionaryLinker(tf.Module):
    """Links words to entities by their surface forms.

    The longest form wins, the leftmost first, and mentions never overlap. Case, accents, spaces
    and typographic apostrophes do not matter (see `normalise`); punctuation does, each mark being
    a word. Where entities share a form, one that is spelled as in the text wins (`"Memory"`
    the film, `"memory"` the topic), then the highest prior, then the lowest id. Lookup runs in the
    graph; saved with a SavedModel, the dictionary is one of its assets.

    Args:
        forms: Sequence of surface forms, such as `"Côte d'Ivoire"`.
        entity_ids: As many integers: the entity that each form names.
        priors: As many numbers, higher for the likelier reading; None makes all alike.
        max_words: Forms of more words than this are left out (counted in `num_too_long`). The
            cost of linking grows with it, but not beyond the longest form.

    Call arguments:
        words: `Words` of a batch of texts.

    Returns:
        int32 ragged tensor `(batch, words)`: the entity at every word of a mention, -1 elsewhere.

    Raises:
        ValueError: If there are no forms, a form has no words, lengths differ, an id is not an
            integer of at least 0, a prior is NaN, or every form is too long.
    """

    def __init__(self, forms, entity_ids, priors=None, max_words=8):
        super().__init__(name="dictionary_linker")
        self._fill(form_table(forms, entity_ids, priors, max_words))

    @classmethod
    def from_graph(cls, graph, priors=None, max_words=8, plurals=False):
        """The linker of a graph's names and aliases, underscores read as spaces.

        Names without words, such as a zero-width space, are left out, and counted in
        `num_without_words`.

        Args:
            graph: `kgkeras.kg.KnowledgeGraph`.
            priors: One number an entity; None takes the number of its triples.
            max_words: As in the constructor.
            plurals: Whether names are also found in the regular English plural (`"cities"`).

        Raises:
            ValueError: If `priors` is not one number an entity.
        """
        if priors is None:
            ends = graph.triples[:, [0, 2]].ravel()
            priors = np.bincount(ends, minlength=graph.num_entities)
        if np.shape(priors) != (graph.num_entities,):
            raise ValueError(
                f"`priors` must be one number for each of {graph.num_entities} entities. "
                f"Received: shape {np.shape(priors)}."
            )
        names = [
            (name.replace("_", " "), entity)
            for entity in range(graph.num_entities)
            for name in (graph.entity_name(entity), *graph.entity_texts.aliases[entity])
        ]
        kept = [pair for pair in names if _has_words(pair[0])]
        pairs = [
            (form, entity)
            for name, entity in kept
            for form in (name, *(_plurals(name) if plurals else ()))
        ]
        ids = np.array([entity for _, entity in pairs], np.int64)
        linker = cls([form for form, _ in pairs], ids, np.asarray(priors)[ids], max_words)
        linker.num_without_words = len(names) - len(kept)
        return linker

    @classmethod
    def from_form_table(cls, table):
        """The linker of a `FormTable` that another one gave."""
        linker = cls.__new__(cls)
        tf.Module.__init__(linker, name="dictionary_linker")
        linker._fill(table)
        return linker

    def form_table(self):
        """The `FormTable` of what the linker looks up."""
        keys, entity_ids = map(list, zip(*self._table.pairs(), strict=True))
        return FormTable(keys, entity_ids, self.num_too_long, self.num_without_words)

    def _fill(self, table):
        self._table = StringTable(table.keys, table.entity_ids, "surface_forms")
        self._minds_spelling = table.num_spelled > 0
        self.max_words = table.max_words
        self.num_forms = len(table.keys) - table.num_spelled
        self.num_too_long, self.num_without_words = table.num_too_long, table.num_without_words

    def __call__(self, words):
        """Returns the entity at every word, -1 for none."""
        return self.mentions(words).entity_ids

    def mentions(self, words):
        """Returns the `Mentions` in `words`, a `Words` of a batch of texts."""
        normalised = words.normalised
        rows = tf.cast(normalised.row_splits, tf.int32)
        size = rows[-1]
        room = tf.gather(rows, tf.cast(normalised.value_rowids(), tf.int32) + 1) - tf.range(size)
        ids, lengths = self._longest(normalised.flat_values, words.words.flat_values, room)
        starts = _leftmost(rows, lengths)
        ids = _spread(starts, ids, lengths)
        return Mentions(normalised.with_flat_values(ids), normalised.with_flat_values(starts))

    def _longest(self, words, spelled, room):
        """The entity and the length (0 for none) of the longest form that begins at each word.

        Args:
            words: string `(n,)`: the normalised words of all texts, one after the other.
            spelled: string `(n,)`: the same words as they are spelled.
            room: int32 `(n,)`: words from each to the end of its own text, itself included.
        """
        entities = tf.fill(tf.shape(words), -1)
        lengths = tf.zeros_like(room)
        # Markers are no words of forms. They have no normal form: keys that began with one would
        # begin with the space before the next word, as those do that mind spelling.
        marker = tf.equal(words, "")
        room, spelled = tf.where(marker, 0, room), tf.where(marker, "", spelled)
        keys, exact = words, tf.strings.join([EXACT, spelled])
        for length in range(1, self.max_words + 1):
            if length > 1:
                keys = tf.strings.join([keys[:-1], words[length - 1 :]], " ")
                exact = tf.strings.join([exact[:-1], spelled[length - 1 :]], " ")
            ids = self._table(keys)
            if self._minds_spelling:
                same = self._table(exact)
                ids = tf.where(same >= 0, same, ids)
            # The last words have no key of this length.
            ids = tf.pad(ids, [[0, length - 1]], constant_values=-1)
            ids = ids[: tf.size(words)]
            found = (ids >= 0) & (room >= length)
            entities = tf.where(found, ids, entities)
            lengths = tf.where(found, length, lengths)
        return entities, lengths


def _has_words(form):
    """Whether a form has words; asks `split_words`, which is slow, only where that is in doubt."""
    return bool(_CERTAINLY_WORD.search(form)) or bool(
        split_words([form]).words.flat_values.shape[0]
    )


def _plurals(name):
    return f"{name}s", f"{name[:-1]}ies" if name.endswith("y") else f"{name}es"


def _leftmost(rows, lengths):
    """Chooses mentions greedily from the left, in all texts at once.

    Reading goes from the first word of a text to the next word, or over the whole form that
    begins here. The words so visited are found in log(longest text) rounds: whoever has been
    visited after `s` steps marks those `s` steps further, then `s` doubles.

    Args:
        rows: int32 `(batch + 1,)`: row splits.
        lengths: int32 `(n,)`: words of the longest form at each word, 0 for none.

    Returns:
        bool `(n,)`: True where a mention starts.
    """
    size = tf.size(lengths)
    end = tf.range(size + 1)  # one place more, the end of all, which leads to itself
    step = tf.concat([tf.maximum(lengths, 1), [0]], 0)
    visited = tf.tensor_scatter_nd_update(
        tf.zeros_like(end, tf.bool), rows[:, None], tf.ones_like(rows, tf.bool)
    )
    longest = tf.reduce_max(tf.concat([rows[1:] - rows[:-1], [0]], 0))

    def double(steps, visited, jump):
        reached = tf.boolean_mask(jump, visited)
        visited = tf.tensor_scatter_nd_update(
            visited, reached[:, None], tf.ones_like(reached, tf.bool)
        )
        return steps * 2, visited, tf.gather(jump, jump)

    _, visited, _ = tf.while_loop(
        lambda steps, *_: steps < longest, double, (tf.constant(1), visited, end + step)
    )
    return visited[:-1] & (lengths > 0)


def _spread(starts, ids, lengths):
    """Writes the entity of each mention at all its words, -1 elsewhere; all are `(n,)`."""
    first = tf.cast(tf.where(starts)[:, 0], tf.int32)  # (mentions,)
    # Number 0 is the mention of the words before any: none, and already over.
    number = tf.cumsum(tf.cast(starts, tf.int32))
    entity = tf.concat([[-1], tf.gather(ids, first)], 0)
    end = tf.concat([[0], first + tf.gather(lengths, first)], 0)
    inside = tf.range(tf.size(ids)) < tf.gather(end, number)
    return tf.where(inside, tf.gather(entity, number), -1)
