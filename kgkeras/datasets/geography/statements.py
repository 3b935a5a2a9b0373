"""True and false sentences about the graph, which words alone cannot tell apart."""

import collections

import numpy as np

from kgkeras.checks import describe, positive_int
from kgkeras.datasets.geography import facts
from kgkeras.datasets.geography.denial import Denial
from kgkeras.datasets.geography.families import families_by_name
from kgkeras.datasets.text_task import LabelledTexts, TextTask

CLASSES = ("false", "true")
_SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}
# These place the state first; in all others it is the tail.
_STATE_FIRST = ("capital", "highest_point")


def load_texts(*, seed=0, phrasings=2):
    """Statements and yes/no questions about geography, true or false, as a text task.

    Each fact is told in `phrasings` ways. Each true sentence has a false twin: the same template
    and the same place, but another state, taken from the true facts of the same relation and
    split, of the same region where that is possible. So templates, places and states occur equally
    often under both labels, and half of each split is true.

    Facts are split by their place, 70 / 10 / 20: all that is said of one city, river or mountain,
    truly or falsely, is said in one split. So whatever a sentence of the test says about two
    entities, no sentence of another split says in any form, and nothing that the others say of the
    place can be used to guess it (a river's other states, say, which lie side by side). Places that
    share an uncommon word, as Geneva and Lake Geneva do, stay together. Relations without such a
    place (borders, continents, languages, memberships) are left out, as neighbours share them. So
    are facts whose two names share the beginning of a word ("Mexico City").

    Args:
        seed: Decides the split, the false facts, the phrasings and the order. Figures to be
            compared should be measured on one seed.
        phrasings: Sentences per fact, from 1 to the number of templates per relation.

    Returns:
        A `TextTask` with the classes `("false", "true")`.

    Raises:
        ValueError: If `phrasings` is no positive integer, or there are fewer templates.
    """
    templates = _templates()
    most = min(map(len, templates.values()))
    if positive_int("phrasings", phrasings) > most:
        raise ValueError(f"`phrasings` must be at most {most}. {describe(phrasings)}.")
    rng = np.random.default_rng(seed)
    parts = {
        split: _tell(pairs, templates, phrasings, rng) for split, pairs in split_facts(rng).items()
    }
    return TextTask(**parts, classes=CLASSES)


def split_facts(rng):
    """The true facts of each split and their false twins.

    Args:
        rng: A `numpy.random.Generator`.

    Returns:
        A dict of `train`, `valid` and `test` to a list of `(relation, place, state, other)`: of
        `place` and `state` the relation holds, of `place` and `other` it does not.
    """
    denial = Denial()
    told = collections.defaultdict(list)
    for relation, place, state in _told_facts(denial):
        told[place].append((relation, place, state))
    families = families_by_name(sorted(told))
    bounds = np.round(np.cumsum(list(_SHARES.values()))[:-1] * len(families)).astype(int)
    parts = np.split(rng.permutation(len(families)), bounds)
    return {
        split: denial.twins(
            [fact for row in rows for place in families[row] for fact in told[place]], rng
        )
        for split, rows in zip(_SHARES, parts, strict=True)
    }


def _told_facts(denial):
    """The facts that sentences are made of, as `(relation, place, state)`."""
    graph = facts.load()
    for head, relation, tail in graph.triples.tolist():
        name, place, state = graph.relations[relation], graph.entities[head], graph.entities[tail]
        if name in _STATE_FIRST:
            place, state = state, place
        if name in _templates() and not denial.names_tell(place, state):
            yield name, place, state


def _tell(twins, templates, phrasings, rng):
    """The sentences of one split, shuffled, as `LabelledTexts`."""
    spoken = facts.spoken_names()
    texts, labels = [], []
    for relation, place, state, other in twins:
        for row in rng.permutation(len(templates[relation]))[:phrasings]:
            for label, named in enumerate((other, state)):
                named_ends = (spoken[end] for end in ends(relation, place, named))
                texts.append(sentence(templates[relation][row], *named_ends))
                labels.append(label)
    order = rng.permutation(len(texts))
    return LabelledTexts(tuple(texts[row] for row in order), np.array(labels)[order])


def ends(relation, place, state):
    """The head and the tail of a fact."""
    return (state, place) if relation in _STATE_FIRST else (place, state)


def sentence(template, head, tail):
    """A template with its names."""
    told = template.format(head=head, tail=tail)
    return told[0].upper() + told[1:]


def told_templates():
    """The templates of each relation that state it, rather than ask."""
    return {
        relation: [template for template in templates if not template.endswith("?")]
        for relation, templates in _templates().items()
    }


def _templates():
    return facts.texts_by_relation("templates.tsv", "template")
