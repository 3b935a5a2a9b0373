"""Multiple choice, small: knowledge finds what words cannot."""

import json

import pytest


@pytest.mark.slow
def test_knowledge_chooses_where_words_cannot(load_recipe, last_line, tmp_path):
    recipe = load_recipe("multiple_choice")
    config = recipe.Config(
        run=str(tmp_path / "run"),
        export=str(tmp_path / "saved"),
        models="counts,text_only,knowledge",
        kg_epochs=5,
        epochs=3,
        limit=600,
    )
    result = recipe.main(config)
    assert last_line() == json.loads(json.dumps(result))
    assert result["counts_accuracy"] > 0.9
    assert result["accuracy"] > 0.7
    assert result["text_only_accuracy"] < 0.35
    assert result["gain_low"] > 0.3
    assert (tmp_path / "saved" / "1" / "saved_model.pb").exists()
    assert (tmp_path / "run" / "learning_curves.png").exists()
    with pytest.raises(ValueError, match="`models` must be among counts, text_only, knowledge"):
        recipe.main(recipe.Config(models="both"))


@pytest.mark.slow
def test_words_begin_with_what_questions_of_facts_have_taught(load_recipe, tmp_path, monkeypatch):
    recipe = load_recipe("multiple_choice")
    made, make_model = [], recipe.make_model
    monkeypatch.setattr(recipe, "make_model", lambda *a: made.append(a[1:]) or make_model(*a))
    settings = dict(fact_questions=400, fact_epochs=12, epochs=1, learning_rate=1e-2, limit=64)
    config = recipe.Config(models="questions", run=str(tmp_path), export=None, **settings)
    result = recipe.main(config)
    assert 0 <= result["questions_accuracy"] <= 1
    learned = (tmp_path / "questions" / "facts" / "history.csv").read_text().splitlines()
    header, *rows = (line.split(",") for line in learned)
    accuracy = [float(row[header.index("accuracy")]) for row in rows]
    assert len(accuracy) == 12
    assert accuracy[-1] > accuracy[0] + 0.1  # learned by heart, without any vector of the graph
    assert "kg_loss" not in header
    (taught, *told), (begins, *also_told) = made
    assert taught is begins is not None  # one encoder, which was taught first
    assert told == also_told == [None, None]


@pytest.mark.slow
def test_facts_learned_as_texts_are_answers(load_recipe, tmp_path):
    recipe = load_recipe("multiple_choice")
    config = recipe.Config(
        read="apart",
        run=str(tmp_path / "run"),
        export=str(tmp_path / "saved"),
        models="text_only,knowledge,control",
        fact_epochs=2,
        epochs=2,
        limit=600,
    )
    result = recipe.main(config)
    assert result["gain_low"] > 0.1
    assert abs(result["control_gain"]) < 0.1
    card = json.loads((tmp_path / "saved" / "1" / "assets.extra" / "model.json").read_text())
    assert card["model"] == "ChoiceMatcher"


def test_questions_of_facts_are_needed(load_recipe):
    recipe = load_recipe("multiple_choice")
    with pytest.raises(ValueError, match="`questions` among `models` needs `fact_questions`"):
        recipe.main(recipe.Config(models="questions"))
    with pytest.raises(ValueError, match=r"`fact_questions` are for what is read together.*: 9"):
        recipe.main(recipe.Config(read="apart", fact_questions=9))
