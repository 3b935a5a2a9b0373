"""Questions made of a graph's facts, with answers to choose from."""

import numpy as np

from kgkeras.checks import positive_int
from kgkeras.datasets import ChoiceQuestions
from kgkeras.pipelines.known_triples import KnownTriples

_DRAWS = 4  # how many wrong answers are drawn for each that is needed


def fact_questions(graph, num_choices=5, *, count=None, seed=0):
    """Asks for the tails of facts: "head relation", and as choices the tail and other entities.

    The wrong choices are tails of other facts of the same relation that make no fact, so that it
    takes more than the kind of thing to tell them. A model of multiple choice that learns these
    first has learned what the graph knows, in words.

    Args:
        graph: `kg.KnowledgeGraph`; questions are made of names.
        num_choices: Choices of each question, the right one included; at least 2.
        count: Number of facts, drawn at random; all of them where None.
        seed: Seed of every random choice.

    Returns:
        `datasets.ChoiceQuestions`. A fact to which too few wrong choices are found has no question.

    Raises:
        ValueError: If `num_choices` or `count` is too small, or no fact has enough wrong choices.

    Reference: Ye et al., Align, Mask and Select, 2019.
    """
    num_wrong = positive_int("num_choices", num_choices) - 1
    if not num_wrong:
        raise ValueError("`num_choices` must be at least 2. Received: 1.")
    rng = np.random.default_rng(seed)
    facts = rng.permutation(np.unique(graph.triples, axis=0))
    facts = facts[: None if count is None else positive_int("count", count)]
    wrong, enough = _wrong_tails(graph, facts, num_wrong, rng)
    facts, wrong = facts[enough], wrong[enough]
    if not len(facts):
        raise ValueError(
            f"`graph` must have relations of at least {num_wrong} tails that make no fact beside "
            f"one. Received: {graph}."
        )
    labels = rng.integers(0, num_wrong + 1, len(facts))
    tails = np.concatenate([facts[:, 2:], wrong], axis=1)
    # The tail changes places with the choice at its label.
    rows = np.arange(len(facts))
    tails[rows, 0], tails[rows, labels] = tails[rows, labels], facts[:, 2]
    return ChoiceQuestions(
        [f"{graph.entity_name(h)} {graph.relation_name(r)}" for h, r, _ in facts.tolist()],
        [tuple(map(graph.entity_name, row)) for row in tails.tolist()],
        labels,
    )


def _wrong_tails(graph, facts, number, rng):
    """Tails of the same relation, of distinct names, that make no fact; and where enough.

    Integers `(facts, number)` and bool `(facts,)`. Rows that lack some hold what else was drawn.
    """
    order = np.argsort(graph.triples[:, 1], kind="stable")
    tails = graph.triples[order, 2]
    first = np.searchsorted(graph.triples[order, 1], np.arange(graph.num_relations + 1))
    head, relation, _ = (column[:, None] for column in facts.T)
    start, stop = first[relation], first[relation + 1]
    drawn = tails[rng.integers(start, stop, (len(facts), _DRAWS * number))]
    # Several entities may have one name, and names are what is asked and answered.
    names = [graph.entity_name(entity) for entity in range(graph.num_entities)]
    named, name = np.unique(names, return_inverse=True)
    told = graph.triples.copy()
    told[:, [0, 2]] = name[told[:, [0, 2]]]
    known = KnownTriples(told, len(named), graph.num_relations)
    usable = ~known.contains(name[head], relation, name[drawn]).numpy()
    # Equal names stand side by side once sorted; the order among the rest is random again.
    drawn_order = np.argsort(name[drawn], axis=1, kind="stable")
    ordered = np.take_along_axis(name[drawn], drawn_order, axis=1)
    repeated = np.zeros_like(usable)
    np.put_along_axis(repeated, drawn_order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    usable &= ~repeated
    best = np.argsort(~usable, axis=1, kind="stable")[:, :number]
    return np.take_along_axis(drawn, best, axis=1), usable.sum(axis=1) >= number
