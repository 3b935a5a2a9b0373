"""Questions made of facts: one right answer, plausible wrong ones."""

import numpy as np
import pytest

from kgkeras import kg, pipelines
from tests import toy


def facts():
    return kg.KnowledgeGraph.from_triples(
        [
            ("Lima", "capital of", "Peru"),
            ("Quito", "capital of", "Ecuador"),
            ("Bern", "capital of", "Switzerland"),
            ("Bern", "in", "Europe"),
            ("Bern", "in", "Switzerland"),
            ("Lima", "in", "America"),
            ("Peru", "in", "America"),
        ]
    )


@pytest.mark.parametrize("choices", [2, 3, 5])
def test_one_choice_makes_a_fact(choices):
    graph = toy.graph()
    asked = pipelines.fact_questions(graph, choices, seed=3)
    true = {(f"e{h} r{r}", f"e{t}") for h, r, t in graph.triples}
    assert len(asked) == graph.num_triples
    assert len(set(asked.questions)) == graph.num_triples  # each fact once
    for question, row, label in zip(asked.questions, asked.choices, asked.labels, strict=True):
        assert len(set(row)) == choices
        assert [(question, choice) in true for choice in row].index(True) == label
        assert sum((question, choice) in true for choice in row) == 1
    counts = np.bincount(asked.labels, minlength=choices)
    assert counts.min() > 0.4 * graph.num_triples / choices  # answers stand anywhere


def test_wrong_choices_are_tails_of_the_same_relation():
    found = {}
    for seed in range(10):  # what is drawn may be too few
        asked = pipelines.fact_questions(facts(), 3, seed=seed)
        found |= dict(zip(asked.questions, map(set, asked.choices), strict=True))
    capitals = {"Peru", "Ecuador", "Switzerland"}
    assert found["Lima capital of"] == found["Bern capital of"] == capitals
    # Of Bern, only America is wrong: two choices are too few.
    assert "Bern in" not in found
    assert found["Peru in"] == {"America", "Europe", "Switzerland"}


def test_names_that_several_entities_have():
    cities = [f"city{i}" for i in range(8)]
    names = kg.Texts([*cities[:6], "Springfield", "Springfield", "Ohio"], [""] * 9)
    facts = [(i, 0, (i + k) % 8) for i in range(8) for k in (1, 3)]
    graph = kg.KnowledgeGraph([*cities, "ohio"], ["near"], facts, entity_texts=names)
    for seed in range(5):
        asked = pipelines.fact_questions(graph, 3, seed=seed)
        for question, row, label in zip(asked.questions, asked.choices, asked.labels, strict=True):
            assert len({*row}) == 3
            true = {f"{graph.entity_name(h)} near": set() for h, _, _ in facts}
            for h, _, t in facts:
                true[f"{graph.entity_name(h)} near"].add(graph.entity_name(t))
            assert [choice in true[question] for choice in row].index(True) == label
            assert sum(choice in true[question] for choice in row) == 1


def test_a_seed_and_a_number():
    graph = toy.graph()
    first, again = (pipelines.fact_questions(graph, count=20, seed=1) for _ in range(2))
    other = pipelines.fact_questions(graph, count=20, seed=2)
    assert len(first) == 20
    assert (first.questions, first.choices) == (again.questions, again.choices)
    assert first.questions != other.questions


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"`num_choices` must be at least 2\. Received: 1"):
        pipelines.fact_questions(facts(), 1)
    with pytest.raises(ValueError, match="`count` must be a positive integer"):
        pipelines.fact_questions(facts(), count=0)
    with pytest.raises(ValueError, match="relations of at least 8 tails that make no fact"):
        pipelines.fact_questions(facts(), 9)
