"""Each recipe runs small, reaches a goal, and ends with one JSON object."""

import csv
import json

import numpy as np
import pytest

from kgkeras import datasets


@pytest.fixture(scope="module")
def recipes(load_recipe):
    """The recipes as modules; importing them does nothing."""
    names = {
        "joint": "joint_training",
        "benchmark": "benchmark_joint",
        "kge": "benchmark_kge",
        "table": "fusion_table",
        "links": "link_prediction",
    }
    return {short: load_recipe(name) for short, name in names.items()}


@pytest.fixture(scope="module")
def link_prediction(recipes):
    return recipes["links"]


@pytest.fixture(scope="module")
def trained(recipes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("joint")
    joint = recipes["joint"]
    config = joint.Config(
        epochs=3, run=str(folder / "run"), export=str(folder / "models" / "joint")
    )
    return joint.main(config), config, folder


@pytest.mark.slow
def test_joint_training_reaches_its_goal(trained):
    result, _, folder = trained
    assert result["accuracy"] > 0.8
    assert result["text_only_accuracy"] < 0.6
    assert abs(result["control_accuracy"] - result["text_only_accuracy"]) < 0.05
    run = folder / "run"
    assert json.loads((run / "metrics.json").read_text()) == result
    for path in ("config.json", "learning_curves.png", "word_weights.png"):
        assert (run / path).stat().st_size
    for name in ("text_only", "control", "fused"):
        assert (run / name / "history.csv").stat().st_size


@pytest.mark.slow
def test_exported_model_answers_in_a_clean_process(trained, run_in_clean_process):
    folder = trained[2] / "models" / "joint" / "1"
    test = datasets.load_texts("geography").test.take(100)
    answer = run_in_clean_process(folder, "serving_default", {"text": list(test.texts)})
    right = np.array(answer["label"]) == np.array(["false", "true"])[test.labels]
    assert right.mean() > 0.75
    texts = ["Vienna is the capital of Austria."]
    answer = run_in_clean_process(folder, "serving_default", {"text": texts})
    assert answer["entities"][0][:3] == ["Vienna", "Austria", ""]


@pytest.mark.slow
def test_finished_run_is_not_repeated(recipes, trained, capsys):
    result, config, _ = trained
    again = recipes["joint"].main(config)
    output = capsys.readouterr().out
    assert "Epoch" not in output
    assert {**again, "seconds": 0} == {**result, "seconds": 0}
    assert "/kgkeras serve --model_name joint" in output
    assert json.loads(output.strip().splitlines()[-1]) == again


@pytest.mark.slow
@pytest.mark.parametrize("scorer", ["transe", "complex"])
def test_other_scorers_and_encoders(recipes, scorer, tmp_path):
    joint = recipes["joint"]
    config = joint.Config(
        encoder="transformer",
        fusion="attention",
        scorer=scorer,
        epochs=4,
        limit=256,
        models="fused",
        run=str(tmp_path / "run"),
        export=None,
    )
    joint.main(config)
    with open(tmp_path / "run" / "fused" / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["kg_loss"]) < float(rows[0]["kg_loss"])


@pytest.mark.slow
def test_fusion_table(recipes, tmp_path, capsys, last_line):
    table = recipes["table"]
    config = table.Config(
        encoders="lstm",
        fusions="sum,concat",
        models="fused",
        epochs=1,
        limit=128,
        run=str(tmp_path),
    )
    rows = table.main(config)
    assert [row["fusion"] for row in rows] == ["sum", "concat"]
    assert last_line()["recipe"] == "fusion_table"
    assert "| lstm | concat |" in _again(table, config, capsys)


def _again(table, config, capsys):
    """The second time, from the folders alone."""
    table.main(config)
    output = capsys.readouterr().out
    assert "Epoch" not in output
    return output


@pytest.mark.slow
def test_benchmark(recipes, last_line):
    benchmark = recipes["benchmark"]
    result = benchmark.main(benchmark.Config(steps=10, limit=320))
    assert last_line() == result
    assert result["step_ratio"] > 0.5


def test_semeval_task(recipes, shared_data, monkeypatch):
    monkeypatch.setenv("KGKERAS_DATA", str(shared_data))
    joint = recipes["joint"]
    config = joint.complete(joint.Config(data="semeval", limit=200))
    task = joint.load_task(config)
    encoder, tokenizer = joint.make_encoder(config, task)
    preprocessor = joint.make_preprocessor(task, tokenizer)
    linked = (preprocessor.linked(task.texts.train.texts, 4).numpy() >= 0).sum(axis=1)
    assert linked.max() <= 4
    assert linked.mean() > 0.8  # most nominals are in WordNet
    model = joint.make_model(config, task, encoder, tokenizer, task.graph)
    encoded = preprocessor(task.texts.test.texts[:8])
    assert model(encoded).shape == (8, 19)
    assert model.pooling.ids == (tokenizer.start_id, *tokenizer.marker_ids[::2])


def test_link_prediction_learns_resumes_and_exports(
    link_prediction, tmp_path, last_line, shared_data
):
    settings = {
        "data": str(shared_data / "UMLS"),
        "dim": 64,
        "epochs": 12,
        "batch_size": 128,
        "evaluate_every": 3,
        "run": str(tmp_path / "run"),
        "export": str(tmp_path / "links"),
    }
    config = link_prediction.Config(**settings)
    result = link_prediction.main(config)
    assert result == last_line()
    assert result["mrr"] > 0.75
    assert result["unseen_test_triples"] == 0
    run = tmp_path / "run"
    names = {"config.json", "metrics.json", "history.csv", "curves.png", "model.keras", "report"}
    assert names <= {path.name for path in run.iterdir()}
    assert (tmp_path / "links" / "1" / "saved_model.pb").exists()
    # A finished run is not trained again, and ranks as before.
    again = link_prediction.main(config)
    assert {**again, "seconds": 0, "peak_gb": 0} == {**result, "seconds": 0, "peak_gb": 0}


@pytest.mark.parametrize("regime", ["one_vs_all", "k_vs_all", "sampled"])
def test_link_prediction_by_every_regime_on_bundled_data(
    link_prediction, regime, tmp_path, last_line
):
    config = link_prediction.Config(
        regime=regime,
        scorer="distmult",
        dim=16,
        epochs=2,
        num_negatives=32,
        limit=500,
        run=str(tmp_path / "run"),
        export=None,
    )
    result = link_prediction.main(config)
    assert result == last_line()
    assert result["data"] == "geography"
    assert 0 < result["mrr"] < 1


def test_link_prediction_squares_distances_alone(link_prediction):
    config = link_prediction.complete(link_prediction.Config(scorer="rotate", squared=True))
    assert link_prediction.make_scorer(config).get_config()["squared"]
    config = link_prediction.complete(link_prediction.Config(scorer="complex", squared=True))
    with pytest.raises(ValueError, match=r"--squared are for transe.*--scorer complex"):
        link_prediction.make_scorer(config)


def test_link_prediction_weighs_negatives(link_prediction):
    sampled = dict(regime="sampled", num_negatives=32, limit=300, dim=16, epochs=1, export=None)
    config = link_prediction.complete(link_prediction.Config(weigh_negatives=True, **sampled))
    splits = link_prediction.load_splits(config)
    model = link_prediction.make_model(config, splits, steps=1)
    assert model.loss.negative_weight == splits.train.num_entities / 32
    with pytest.raises(ValueError, match=r"Received: --regime queries --loss cross_entropy\."):
        link_prediction.complete(link_prediction.Config(weigh_negatives=True))


def test_link_prediction_presets_are_complete(link_prediction):
    for name in link_prediction.PRESETS:
        config = link_prediction.complete(link_prediction.Config(preset=name))
        assert config.data.lower() == name.split("/")[0]
        assert config.scorer == name.split("/")[1]
        # What is given wins over the preset, also where it is what holds without one.
        given = link_prediction.DEFAULTS | {"data": config.data, "scorer": config.scorer}
        config = link_prediction.complete(link_prediction.Config(preset=name, **given))
        assert {key: getattr(config, key) for key in given} == given
    with pytest.raises(SystemExit):
        link_prediction.training.parse_config(
            link_prediction.Config, arguments=["--preset", "none/none"]
        )


@pytest.mark.slow
def test_benchmark_of_embeddings(recipes, monkeypatch, last_line):
    kge = recipes["kge"]
    quick = {"seconds": 0.1, "entities": 30_000, "stock_entities": 10_000, "wide_dim": 16}
    monkeypatch.setattr(kge, "QUICK", quick)
    monkeypatch.setattr(
        kge, "SIZES", {"num_entities": 900, "num_relations": 5, "num_triples": 9000}
    )
    result = kge.main(kge.Config(quick=True, dim=16, batch_size=256))
    assert result == last_line()
    assert result["sampled_ratio"] is result["one_vs_all_ratio"] is result["ranking_ratio"] is None
    assert min(result["flat_ratio"], result["stock_ratio"], result["matmul_fraction"]) > 0
