"""Facts and texts about them as ids: a word, or a slot that the graph fills."""

import collections
import functools
import re
import unicodedata

import numpy as np
import tensorflow as tf

from kgkeras.agents.writing.entity_forms import FORMS, entity_forms
from kgkeras.checks import positive_int
from kgkeras.registration import serializable

PADDING, START, END, UNKNOWN, FIRST_SLOT = range(5)
_TOKEN = re.compile(r" ?\w+| ?[^\w\s]")
# Makes the words of a relation's name stand apart, in RE2, so that all letters are letters.
_WORD_BREAKS = ((r"[^\p{L}\p{M}\p{N}]+", " "), (r"(\p{Lu}?[\p{Ll}\p{M}]+|\p{N}+)", r" \1 "))
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
RELATION_WORDS = 3  # So many words of a relation's name are read.


@serializable
class FactTokens:
    """Turns facts and texts into ids and back.

    The entities of a set of facts are numbered as they come, and stand in texts as slots: what is
    written of them is copied from the graph, in one of some forms (a date as the graph has it or in
    words), with a blank before it or without. All else is words, which carry the blank before them,
    so that texts come back as they were.

    Ids: 0 fills up, 1 starts a text, 2 ends it, 3 is a word that is not known; then come the slots,
    those of one entity together, and the words.

    Args:
        words: The words.
        relations: Names of the relations, numbered for `facts`.
        max_facts: Facts of a set at most.
        max_entities: Different entities of a set at most.
        max_words: Length of a text at most, its end included.

    Raises:
        ValueError: If a size is not a positive integer.
    """

    def __init__(self, words, relations, *, max_facts=7, max_entities=8, max_words=64):
        self.words, self.relations = tuple(words), tuple(relations)
        self.max_facts = positive_int("max_facts", max_facts)
        self.max_entities = positive_int("max_entities", max_entities)
        self.max_words = positive_int("max_words", max_words)
        self.first_word = FIRST_SLOT + self.max_entities * self.slots_each
        self._word_ids = {word: self.first_word + i for i, word in enumerate(self.words)}
        self._relation_ids = {name: i for i, name in enumerate(self.relations)}

    @classmethod
    def from_examples(cls, examples, min_count=2, **sizes):
        """The words and relations of a sequence of `datasets.VerbalisedFacts`.

        Args:
            examples: The sequence.
            min_count: How often a word must occur to be known.
            **sizes: As for the class.
        """
        names = {relation: None for e in examples for _, relation, _ in e.triples}
        empty = cls((), names, **sizes)
        counts = collections.Counter()
        for example in examples:
            entities = empty.entities(example.triples)
            for text in example.texts:
                counts.update(
                    token for token in empty.split(text, entities) if isinstance(token, str)
                )
            for _, relation, _ in example.triples:
                counts.update(_relation_words(relation))
        words = sorted(word for word, count in counts.items() if count >= min_count)
        return cls(words, names, **sizes)

    @property
    def slots_each(self):
        """Slots of an entity."""
        return 2 * FORMS

    @property
    def size(self):
        """Number of ids."""
        return self.first_word + len(self.words)

    @property
    def facts_length(self):
        """Length of what `encode_facts` gives."""
        return self.max_facts * (2 + RELATION_WORDS) + 1

    def entities(self, triples):
        """The different entities of triples of names, as they come."""
        return tuple(dict.fromkeys(name for head, _, tail in triples for name in (head, tail)))

    def fits(self, triples):
        """Whether a set of facts is small enough."""
        return (
            0 < len(triples) <= self.max_facts and len(self.entities(triples)) <= self.max_entities
        )

    def encode_facts(self, triples):
        """Facts as a writer reads them, and as ids.

        Args:
            triples: Names of head, relation and tail of each.

        Returns:
            `(tokens, facts)`: int32 `(facts_length,)`, filled up on the left and ending in the id
            that starts a text; and int32 `(max_facts, 3)`, the number of the head, the relation,
            and the number of the tail, -1 for what is not known and where there are fewer.

        Raises:
            ValueError: If there are no facts, or too many, or too many entities.
        """
        if not self.fits(triples):
            raise ValueError(
                f"`triples` must be 1 to {self.max_facts} facts about at most {self.max_entities} "
                f"entities. Received: {len(triples)} about {len(self.entities(triples))}."
            )
        numbers = {name: i for i, name in enumerate(self.entities(triples))}
        tokens, facts = [], np.full((self.max_facts, 3), -1, "int32")
        for row, (head, relation, tail) in enumerate(triples):
            words = _relation_words(relation)[:RELATION_WORDS]
            words = [self._word_ids.get(word, UNKNOWN) for word in words]
            tokens += [self.slot(numbers[head]), *words, self.slot(numbers[tail])]
            facts[row] = numbers[head], self._relation_ids.get(relation, -1), numbers[tail]
        tokens.append(START)
        return _filled(tokens, self.facts_length, left=True), facts

    def encode_text(self, text, entities):
        """A text about entities as ids: int32 `(max_words,)`, its end included; cut if too long."""
        ids = [
            self._word_ids.get(token, UNKNOWN) if isinstance(token, str) else self.slot(*token)
            for token in self.split(text, entities)
        ]
        return _filled([*ids[: self.max_words - 1], END], self.max_words)

    def decode(self, ids, entities):
        """The text that ids stand for: the inverse of `encode_text`."""
        forms, text = [entity_forms(name) for name in entities], ""
        for number in np.asarray(ids).tolist():
            if number == END:
                break
            if number >= self.first_word:
                text += self.words[number - self.first_word]
            elif number >= FIRST_SLOT:
                entity, rest = divmod(number - FIRST_SLOT, self.slots_each)
                form, spaced = divmod(rest, 2)
                text += " " * spaced + forms[entity][form]
        return text.removeprefix(" ")

    def slot(self, entity, form=0, spaced=1):
        """The id of a slot."""
        return FIRST_SLOT + entity * self.slots_each + 2 * form + spaced

    def split(self, text, entities):
        """The words of a text; `(entity, form, spaced)` where it names an entity."""
        text = " " + text
        end, tokens = 0, []
        for first, last, entity, form in _mentions(_folded(text), entities):
            spaced = int(first > end and text[first - 1] == " ")
            tokens += _TOKEN.findall(text[end : first - spaced])
            tokens.append((entity, form, spaced))
            end = last
        return tokens + _TOKEN.findall(text[end:])

    def get_config(self):
        names = ("words", "relations", "max_facts", "max_entities", "max_words")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def _mentions(text, entities):
    """`(first, last, entity, form)` of what a folded text names; the longest come first."""
    wanted = {}
    for entity, name in enumerate(entities):
        for form, written in enumerate(entity_forms(name)):
            wanted.setdefault(_folded(written), (entity, form))
    found, taken = [], set()
    for written in sorted(wanted, key=len, reverse=True):
        for match in re.finditer(rf"(?<!\w){re.escape(written)}(?!\w)", text):
            if taken.isdisjoint(range(*match.span())):
                taken.update(range(*match.span()))
                found.append((*match.span(), *wanted[written]))
    return sorted(found)


def _folded(text):
    """A text without accents and capitals, character by character."""
    plain = (unicodedata.normalize("NFKD", char)[:1] for char in text)
    lowered = (char.lower() for char in plain)
    return "".join(_DASHES.get(char, char if len(char) == 1 else " ") for char in lowered)


@functools.lru_cache(4096)
def _relation_words(relation):
    """The words of a relation's name, such as `elevationAboveTheSeaLevel_(in_metres)`."""
    return tuple(" " + word.decode() for word in split_relations([relation])[0].numpy())


def split_relations(names):
    """Words of relations' names, string `(relations,)`, in small letters: a ragged tensor."""
    for pattern, replacement in _WORD_BREAKS:
        names = tf.strings.regex_replace(names, pattern, replacement)
    return tf.strings.split(tf.strings.lower(names, encoding="utf-8"))


def _filled(ids, length, left=False):
    padding = [PADDING] * (length - len(ids))
    return np.array(padding + ids if left else ids + padding, "int32")
