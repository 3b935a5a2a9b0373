"""The recipe of walkers that are asked in words, small."""

import pytest


@pytest.fixture(scope="module")
def recipe(load_recipe):
    return load_recipe("question_walking")


@pytest.mark.slow
def test_learns_resumes_and_exports(recipe, tmp_path, last_line, shared_data, monkeypatch):
    monkeypatch.setenv("KGKERAS_DATA", str(shared_data))
    config = recipe.Config(
        dim=32,
        walks=10,
        max_actions=50,
        epochs=4,
        batch_size=32,
        learning_rate=5e-3,
        limit=500,
        run=str(tmp_path / "run"),
        export=str(tmp_path / "walks"),
    )
    result = recipe.main(config)
    assert result == last_line()
    assert result["hits@1"] > 0.4
    assert 0 < result["path_accuracy"] <= 1
    names = {"config.json", "metrics.json", "history.csv", "model.keras", "walks.png"}
    assert names <= {path.name for path in (tmp_path / "run").iterdir()}
    assert (tmp_path / "walks" / "1" / "saved_model.pb").exists()
    again = recipe.main(config)
    assert again["hits@1"] == result["hits@1"]
