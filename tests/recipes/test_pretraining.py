"""The recipe of pretraining runs small, and asks what it says it asks."""

import dataclasses
import json

import numpy as np
import pytest

from kgkeras import kg


@pytest.fixture(scope="module")
def recipe(load_recipe):
    return load_recipe("pretraining")


@pytest.fixture(scope="module")
def corpus(recipe):
    return recipe.told_facts.load_corpus("geography", seed=3)


@pytest.mark.slow
def test_trains_exports_and_resumes(recipe, tmp_path, last_line, run_in_clean_process):
    """What it gains, its docstring tells: to show that takes six epochs of all texts."""
    config = recipe.Config(
        models="text_only,joint",
        dim=16,
        heads=2,
        epochs=1,
        limit=300,
        run=str(tmp_path / "run"),
        export=str(tmp_path / "models"),
    )
    result = recipe.main(config)
    assert result == last_line()
    for name in ("cloze_mrr", "text_only_cloze_mrr"):
        assert 0 < result[name] < 1
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == result
    assert (tmp_path / "run" / "learning_curves.png").stat().st_size
    answer = run_in_clean_process(
        tmp_path / "models" / "1", "serving_default", {"text": ["Cars in [MASK] keep to [MASK]."]}
    )
    assert len(answer["tokens"][0][1]) == 10
    again = recipe.main(dataclasses.replace(config, models="joint", export=None))
    for name in ("perplexity", "cloze_mrr"):  # finished: not trained again
        assert again[name] == result[name]


@pytest.mark.slow
def test_described_entities_and_courses_of_the_weight(recipe, tmp_path):
    config = recipe.Config(
        entities="described",
        kg_schedule="fall",
        models="joint",
        dim=16,
        heads=2,
        epochs=1,
        limit=300,
        run=str(tmp_path),
        export=str(tmp_path / "models"),
    )
    result = recipe.main(config)
    assert result["cloze_mrr"] > 0
    assert (tmp_path / "models" / "1" / "saved_model.pb").exists()
    with open(tmp_path / "joint" / "history.csv") as file:
        header, row = (line.strip().split(",") for line in file)
    assert 3.0 < float(row[header.index("kg_weight")]) < 30.0


def test_models_are_checked(recipe):
    with pytest.raises(ValueError, match="`models` must be among text_only"):
        recipe.main(recipe.Config(models="best"))


def _pairs(facts):
    return {frozenset((head, tail)) for head, _, tail in facts.tolist()}


def test_asked_facts_are_not_told(corpus):
    names = corpus.graph.entity_name
    words = {text.lower() for text in (*corpus.texts, *corpus.held_out)}
    graph = {tuple(fact) for fact in corpus.graph.triples.tolist()}
    for side, facts in corpus.asked.items():
        assert len(facts) > 100
        assert {tuple(fact) in graph for fact in facts.tolist()} == {not side.startswith("new")}
        for head, relation, tail in facts.tolist():
            for template in corpus.templates[relation]:
                sentence = template.replace("[X]", names(head)).replace("[Y]", names(tail))
                assert sentence.lower() not in words
    assert not _pairs(corpus.asked["valid"]) & _pairs(corpus.asked["test"])
    assert not set(corpus.texts) & set(corpus.held_out)


def test_most_facts_are_told(corpus):
    named = np.array([corpus.graph.entity_name(i) for i in range(corpus.graph.num_entities)])
    words = set((*corpus.texts, *corpus.held_out))
    told = [
        any(
            template.replace("[X]", named[head]).replace("[Y]", named[tail]) in words
            for template in corpus.templates[relation]
        )
        for head, relation, tail in corpus.graph.triples.tolist()
    ]
    assert 0.77 < np.mean(told) < 0.83


def test_every_relation_has_true_candidates(corpus):
    for relation, sentence in corpus.questions.items():
        assert sentence.count("[X]") == 1 == sentence.count("[Y]")
        tails = {t for _, r, t in corpus.known.tolist() if r == relation}
        assert set(corpus.candidates[relation].tolist()) == tails


def test_what_names_or_texts_give_away_is_not_asked(recipe):
    texts = kg.Texts(
        ["Mexico City", "Mexico", "Lyon", "France", "Ada", "US", "Lyon"],
        ["", "", "A town of the French.", "", "She lives in the US.", "", ""],
        None,
        None,
    )
    graph = kg.KnowledgeGraph(
        [f"e{i}" for i in range(7)], ["in"], np.zeros((0, 3), int), entity_texts=texts
    )
    fair = recipe.told_facts._Fairness(graph)
    # Told by the name, by nothing ("Fren" is not "Fran"), by the description, by nothing; another
    # entity has the same name.
    facts = np.array([(0, 0, 1), (2, 0, 3), (4, 0, 5), (4, 0, 3), (6, 0, 3)])
    assert fair(facts).tolist() == [False, True, False, True, False]
    assert fair(facts[:, ::-1]).tolist() == [False, True, False, True, False]
