"""The recipe of walkers, small."""

import keras
import pytest


@pytest.fixture(scope="module")
def recipe(load_recipe):
    return load_recipe("path_reasoning")


def _small(recipe, tmp_path, **settings):
    sizes = {"epochs": 2, "steps": 4, "walks": 3, "dim": 8, "hidden_dim": 8, "batch_size": 16}
    sizes |= {"evaluate_every": 1, "valid_limit": 20, "limit": 60, "max_actions": 20, "beam": 10}
    folders = {"run": str(tmp_path / "run"), "export": str(tmp_path / "saved_models")}
    return recipe.Config(**{**folders, **sizes, **settings})


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"learner": "q_learning"},
        {"learner": "actor_critic", "history": "transformer", "entities": True},
    ],
)
def test_walks_on_bundled_data(recipe, tmp_path, last_line, settings):
    config = _small(recipe, tmp_path, **settings)
    result = recipe.main(config)
    assert result == last_line()
    assert 0 < result["mrr"] <= 1
    assert result["steps_per_second"] > 0
    assert keras.models.load_model(tmp_path / "run" / "model.keras").steps == 2
    assert (tmp_path / "saved_models" / "1" / "saved_model.pb").exists()
    # A finished run is not trained again, and ranks as before.
    again = recipe.main(config)
    assert (again["mrr"], again["steps_per_second"]) == (result["mrr"], 0)


@pytest.mark.slow
def test_regions(recipe, tmp_path, last_line, shared_data):
    result = recipe.main(_small(recipe, tmp_path, data="countries_S1", limit=None, shaping=True))
    assert result == last_line()
    assert 0 < result["auc_pr"] <= 1
