"""The recipe runs small on bundled data and on new entities, and ends with one JSON object."""

import json
import pathlib
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def recipe(load_recipe):
    return load_recipe("text_link_prediction")


def _small(tmp_path, **settings):
    return {
        "dim": 16,
        "tune_epochs": 1,
        "epochs": 1,
        "evaluate_every": 1,
        "num_negatives": 50,
        "valid_limit": 50,
        "limit": 300,
        "run": str(tmp_path / "run"),
        "export": str(tmp_path / "links"),
        **settings,
    }


@pytest.mark.slow
def test_four_models_on_bundled_data(recipe, tmp_path, last_line):
    config = recipe.Config(**_small(tmp_path))
    result = recipe.main(config)
    assert result == last_line()
    wanted = {f"{name}mrr" for name in ("", "structure_", "text_", "control_", "tuned_")}
    assert wanted <= set(result)
    assert all(0 < result[name] <= 1 for name in wanted)
    run = tmp_path / "run"
    names = {"metrics.json", "curves.png", "model.keras", "report", "encoder", "fused", "control"}
    assert names <= {path.name for path in run.iterdir()}
    assert (tmp_path / "links" / "1" / "saved_model.pb").exists()
    # Finished runs are not trained again, and rank as before.
    again = recipe.main(recipe.Config(**_small(tmp_path, export=None)))
    assert {**again, "seconds": 0} == {**result, "seconds": 0}


@pytest.mark.slow
def test_entities_of_another_graph(recipe, tmp_path, last_line, shared_data, monkeypatch):
    monkeypatch.setenv("KGKERAS_DATA", str(shared_data))
    settings = {"data": "WN18RR_v1", "models": "text,fused", "fusion": "sum", "export": None}
    result = recipe.main(recipe.Config(**_small(tmp_path, **settings)))
    assert result == last_line()
    assert 0 < result["mrr"] <= 1
    assert "structure_mrr" not in result


def test_texts_of_new_entities_are_dropped_from(recipe):
    config = recipe.complete(recipe.Config(data="WN18RR_v1"))
    assert config.text_dropout == recipe.NEW_TEXT_DROPOUT > 0
    assert recipe.complete(recipe.Config(data="WN18RR")).text_dropout == 0
    assert recipe.complete(recipe.Config(data="fb237_v1", text_dropout=0.1)).text_dropout == 0.1
    assert "None" not in config.run


def test_bad_models(recipe, tmp_path):
    with pytest.raises(ValueError, match=r"`models` must be among structure,.* \['tuned'\]"):
        recipe.main(recipe.Config(**_small(tmp_path, models="text,tuned")))
    with pytest.raises(ValueError, match="need structure before them"):
        recipe.main(recipe.Config(**_small(tmp_path, models="text,sum")))
    with pytest.raises(ValueError, match="needs an encoder that is tuned"):
        recipe.main(recipe.Config(**_small(tmp_path, models="structure,sum", tune_epochs=0)))


def test_new_entities_have_no_structure(recipe, tmp_path, shared_data, monkeypatch):
    monkeypatch.setenv("KGKERAS_DATA", str(shared_data))
    with pytest.raises(ValueError, match="have no structure: leave it out"):
        recipe.main(recipe.Config(**_small(tmp_path, data="fb237_v1")))


def test_structure_of_other_settings_is_refused(recipe, tmp_path):
    settings = {"data": "geography", "seed": 1, "limit": 300, "scorer": "complex", "norm": 2}
    made = {**settings, "dim": 16, "reciprocal": True}
    (tmp_path / "config.json").write_text(json.dumps(made))
    path = tmp_path / "model.keras"
    config = recipe.Config(**_small(tmp_path, structure=str(path)))
    with pytest.raises(FileNotFoundError, match=r"must be a model\.keras of a run"):
        recipe.main(config)
    path.touch()
    with pytest.raises(
        ValueError, match=r"trained with seed=0\. Received: .*model.keras with seed=1"
    ):
        recipe.main(config)


@pytest.mark.slow
def test_begins_with_a_structure(recipe, load_recipe, tmp_path, last_line):
    links = load_recipe("link_prediction")
    shared = {"dim": 16, "epochs": 1, "limit": 300, "export": None}
    known = links.main(links.Config(run=str(tmp_path / "links"), **shared))
    path = str(tmp_path / "links" / "model.keras")
    settings = {"structure": path, "models": "structure,fused", "export": None}
    result = recipe.main(recipe.Config(**_small(tmp_path, **settings)))
    assert result == last_line()
    assert result["structure_mrr"] == known["mrr"]
    assert 0 < result["mrr"] <= 1


@pytest.mark.slow
def test_sums_of_scores(recipe, tmp_path, last_line):
    names = ("irreflexive", "sum", "sum_control")
    config = recipe.Config(**_small(tmp_path, models=",".join(("structure", *names)), limit=None))
    result = recipe.main(config)
    assert result == last_line()
    assert all(0 < result[f"{name}_mrr"] <= 1 for name in ("structure", *names))
    assert result["sum_mrr"] >= result["irreflexive_mrr"] - 0.02
    assert (tmp_path / "run" / "model.keras").exists()


@pytest.mark.slow
def test_sums_with_texts_alone(recipe, tmp_path, last_line):
    names = "structure", "text", "sum", "sum_control"
    settings = {"tune_epochs": 0, "regime": "queries", "limit": None, "models": ",".join(names)}
    config = recipe.Config(**_small(tmp_path, **settings))
    result = recipe.main(config)
    assert result == last_line()
    assert result["sum_mrr"] >= max(result["structure_mrr"], result["text_mrr"]) - 0.02
    assert result["sum_control_mrr"] < result["sum_mrr"]


def test_sum_needs_something_that_knows_texts(recipe):
    with pytest.raises(ValueError, match="texts alone behind structure"):
        recipe.checked_models(recipe.Config(tune_epochs=0, models="structure,sum"))


@pytest.mark.slow
def test_two_replicas_tune_and_train(tmp_path):
    recipe = pathlib.Path(__file__).parents[2] / "recipes" / "text_link_prediction.py"
    flags = _small(tmp_path, models="fused", devices=2)
    flags = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, str(recipe), *flags]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    assert 0 < json.loads(run.stdout.splitlines()[-1])["mrr"] <= 1
