"""A corpus that tells some facts of a graph in words, and the facts that it does not tell."""

import collections
import csv
import dataclasses
import pathlib
import re

import numpy as np

import kgkeras
from kgkeras import text

# Descriptions that say more than the kind of thing go into the corpus.
DESCRIBED = ("FB15k-237",)


@dataclasses.dataclass(frozen=True)
class Corpus:
    """What is told by words and by the graph, and what is asked.

    Attributes:
        graph: The graph to learn from.
        texts: Sentences to learn from: told facts and, where there are any, descriptions.
        held_out: As many different ones, for perplexity.
        asked: Dict of facts, int32 `(n, 3)`: `valid` and `test`, which the graph tells and the
            texts do not; `new_valid` and `new_test`, which neither tells.
        templates: Dict from relation ids to sentences with [X] and [Y]; the first one asks.
        known: int32 `(n, 3)`: all true facts.
        descriptions: A text about each entity.
    """

    graph: kgkeras.kg.KnowledgeGraph
    texts: tuple[str, ...]
    held_out: tuple[str, ...]
    asked: dict[str, np.ndarray]
    templates: dict[int, list[str]]
    known: np.ndarray
    descriptions: tuple[str, ...]

    @property
    def questions(self):
        """Dict from relation ids to the sentences that ask."""
        return {relation: templates[0] for relation, templates in self.templates.items()}

    @property
    def candidates(self):
        """Dict from relation ids to all entities that are a tail of it."""
        return {r: np.unique(self.known[self.known[:, 1] == r, 2]) for r in self.templates}


def load_corpus(name, *, told=0.8, phrasings=2, held_out=0.05, most_asked=2000, seed=0, limit=None):
    """Divides the facts of a graph into those told in words and those asked.

    All facts about the same two entities are on the same side. Facts are asked only where the
    names of both ends are linked to them, and where no text gives the answer away: neither a name
    nor the description of one end holds the name of the other, or a word that begins alike.

    Args:
        name: "geography" or "FB15k-237".
        told: Share of the graph's facts that the corpus tells, where there is a template.
        phrasings: Sentences a fact, at most.
        held_out: Share of the sentences that are held out.
        most_asked: Most facts to ask of each kind.
        seed: Seed of every choice.
        limit: Most sentences, and a tenth as many held out and asked; None for all.

    Returns:
        `Corpus`.
    """
    rng = np.random.default_rng(seed)
    splits = kgkeras.datasets.load(name)
    if isinstance(splits, kgkeras.kg.KnowledgeGraph):
        splits = splits.split(valid=0.1, test=0.1, seed=seed)
    graph, templates = splits.train, _templates(name, splits.train)
    fair = _Fairness(graph)
    facts = graph.triples[np.isin(graph.triples[:, 1], list(templates))]
    _, pair = np.unique(np.sort(facts[:, [0, 2]], axis=1), axis=0, return_inverse=True)
    luck = rng.random(pair.max() + 1)[pair.reshape(-1)]
    sides = {
        "valid": facts[(luck >= told) & (luck < (1 + told) / 2)],
        "test": facts[luck >= (1 + told) / 2],
        "new_valid": splits.valid.triples,
        "new_test": splits.test.triples,
    }
    asked = {}
    for side, triples in sides.items():
        triples = triples[np.isin(triples[:, 1], list(templates))]
        triples = rng.permutation(triples[fair(triples)])
        asked[side] = triples[: min(most_asked, limit // 10 if limit else most_asked)]
    sentences = _sentences(graph, facts[luck < told], templates, phrasings, rng)
    if name in DESCRIBED:
        sentences += [fair.texts[i] for i in np.flatnonzero(graph.entity_texts.descriptions)]
    sentences = [sentences[row] for row in rng.permutation(len(sentences))]
    out = round(held_out * len(sentences))
    return Corpus(
        graph=graph,
        texts=tuple(sentences[out:][:limit]),
        held_out=tuple(sentences[: min(out, limit // 10 if limit else out)]),
        asked=asked,
        templates=templates,
        known=np.concatenate(
            [split.triples for split in (splits.train, splits.valid, splits.test)]
        ),
        descriptions=tuple(fair.texts),
    )


class _Fairness:
    """Tells which facts can be asked: no text gives the answer, and names mean their entities."""

    def __init__(self, graph):
        self.names = [graph.entity_name(i) for i in range(graph.num_entities)]
        self.texts = [
            f"{name}: {description}" if description else name
            for name, description in zip(self.names, graph.entity_texts.descriptions, strict=True)
        ]
        linker = text.DictionaryLinker.from_graph(graph)
        linked = linker(text.split_words(self.names)).to_list()
        self._clear = np.array([set(ids) == {i} for i, ids in enumerate(linked)])
        self._beginnings = [_beginnings(words) for words in self.names]
        self._read = [(_beginnings(words), words.lower()) for words in self.texts]

    def __call__(self, facts):
        """Boolean `(n,)`."""
        return np.array([self._is_fair(head, tail) for head, _, tail in facts.tolist()], bool)

    def _is_fair(self, head, tail):
        clear = self._clear[head] and self._clear[tail]
        return clear and not (self._tells(head, tail) or self._tells(tail, head))

    def _tells(self, about, other):
        beginnings, words = self._read[about]
        return bool(beginnings & self._beginnings[other]) or self.names[other].lower() in words


def _beginnings(words):
    """The first four letters of all longer words: "American" gives "America" away."""
    return {word[:4] for word in re.findall(r"[^\W\d_]{4,}", words.lower())}


def _templates(name, graph):
    templates = collections.defaultdict(list)
    with open(pathlib.Path(__file__).with_suffix(".tsv"), encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["data"] == name:
                templates[graph.relation_index[row["relation"]]].append(row["template"])
    return dict(templates)


def _sentences(graph, facts, templates, phrasings, rng):
    sentences = []
    for head, relation, tail in facts.tolist():
        ways = templates[relation]
        for way in rng.permutation(len(ways))[:phrasings]:
            sentence = ways[way].replace("[X]", graph.entity_name(head))
            sentences.append(sentence.replace("[Y]", graph.entity_name(tail)))
    return sentences
