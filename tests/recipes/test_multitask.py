"""The recipe of several tasks runs small, and asks what it says it asks."""

import re

import pytest


@pytest.fixture(scope="module")
def recipe(load_recipe):
    return load_recipe("multitask")


@pytest.mark.slow
def test_trains_compares_exports_and_resumes(recipe, tmp_path, last_line):
    config = recipe.Config(
        sharings="hard",
        weighings="fixed",
        steps=10,
        dim=8,
        batch_size=16,
        num_triples=16,
        num_negatives=8,
        chunk_size=4,
        limit=64,
        run=str(tmp_path / "run"),
        export=str(tmp_path / "models"),
    )
    result = recipe.main(config)
    assert result == last_line()
    for name in ("low_data_accuracy", "unseen_entity_accuracy", "mean_score"):
        assert 0 <= result[name] <= 1
    assert (tmp_path / "models" / "1" / "saved_model.pb").exists()
    again = recipe.main(config)  # finished: not trained again
    assert {**again, "seconds": 0} == {**result, "seconds": 0}


def test_wrong_rows(recipe):
    with pytest.raises(ValueError, match="`sharings` must be among"):
        recipe.main(recipe.Config(sharings="hard,harder"))


def test_no_training_text_names_what_is_asked(recipe):
    data = recipe.multitask_data.load("geography", 0)
    told = "\n".join((*data.train.sentences, *data.train.questions[0], *data.train.claims[0]))
    names = {data.graph.entity_name(i) for i in range(data.graph.num_entities)}
    unseen = 0
    for question in data.test.questions[0]:
        asked = max((name for name in names if name in question), key=len)
        assert not re.search(rf"\b{re.escape(asked)}\b", told), question
        unseen += 1
    assert unseen > 400
    held = set(map(tuple, data.held_out.tolist()))
    assert held
    assert not held & set(map(tuple, data.graph.triples.tolist()))
