"""The recipe of fine-tuning with knowledge runs small, and measures what it says."""

import dataclasses
import json

import numpy as np
import pytest

from kgkeras import evaluation

TINY = dict(
    encoder="transformer",
    dim=16,
    epochs=1,
    kg_epochs=1,
    adapter_dim=8,
    batch_size=16,
    limit=48,
)


@pytest.fixture(scope="module")
def recipe(load_recipe):
    return load_recipe("relation_classification")


@pytest.fixture(autouse=True)
def data(shared_data, monkeypatch):
    monkeypatch.setenv("KGKERAS_DATA", str(shared_data))


@pytest.mark.slow
def test_all_rows_resume_and_export(recipe, tmp_path, capsys, run_in_clean_process):
    config = recipe.Config(
        **TINY,
        models="text_only,joint,adapters",
        run=str(tmp_path / "run"),
        export=str(tmp_path / "models"),
    )
    result = recipe.main(config)
    lines = capsys.readouterr().out.strip().splitlines()
    assert json.loads(lines[-1]) == result
    for name in ("", "text_only_", "adapters_"):
        assert result[name + "low"] <= result[name + "macro_f1"] <= result[name + "high"]
    assert {"gain", "adapters_gain_high"} <= set(result)
    # The encoder is most of a model's weights; frozen, it is not trained.
    assert result["adapters_weights"] < result["weights"]
    run = tmp_path / "run"
    assert json.loads((run / "metrics.json").read_text()) == result
    assert (run / "learning_curves.png").stat().st_size
    texts = ["The <e1>dog</e1> is in the <e2>house</e2>.", "<e1>Dogs</e1> eat <e2>xyzzy</e2>."]
    answer = run_in_clean_process(tmp_path / "models" / "1", "serving_default", {"text": texts})
    assert len(answer["label"]) == 2
    assert all(len(pair) == 2 for pair in answer["entities"])
    again = recipe.main(dataclasses.replace(config, export=None))  # finished: not trained again
    assert "Epoch" not in capsys.readouterr().out
    assert {**again, "seconds": 0} == {**result, "seconds": 0}


@pytest.mark.slow
@pytest.mark.parametrize("adapter", ["bottleneck", "k_adapter"])
def test_the_frozen_encoder_stays_as_it_is(recipe, adapter):
    config = recipe.complete(recipe.Config(**TINY, adapter=adapter))
    task, known = recipe.nominals.load_task(config)
    encoder, tokenizer = recipe.make_encoder(config, task, frozen=True)
    assert not encoder.encoder.trainable_weights
    vectors = tuple(
        np.zeros((count, 16), "float32")
        for count in (task.graph.num_entities, task.graph.num_relations)
    )
    model = recipe.make_model(config, task, encoder, tokenizer, vectors)
    inside = {weight.path for weight in encoder.encoder.weights}
    assert not inside & {weight.path for weight in model.trainable_weights}
    preprocessor = recipe.nominals.make_preprocessor(task, tokenizer, known)
    assert model(preprocessor(task.texts.test.texts[:4])).shape == (4, 19)


@pytest.mark.slow
def test_the_task_graph_knows_the_nominals(recipe):
    config = recipe.complete(recipe.Config(**{**TINY, "limit": 100}))
    task, known = recipe.nominals.load_task(config)
    whole = recipe.joint_training.load_task(config).graph
    assert task.graph.num_entities == len(known) < whole.num_entities / 10
    tokenizer = recipe.text.WordTokenizer(["word"], markers=task.markers)
    texts = task.texts.train.texts
    everywhere = recipe.nominals.make_preprocessor(
        dataclasses.replace(task, graph=whole), tokenizer, None
    )
    here = recipe.nominals.make_preprocessor(task, tokenizer, known)
    found, wanted = (
        [
            [graph.entities[i] if i >= 0 else "" for i in row]
            for row in preprocessor.linked(texts, 4).numpy()
        ]
        for preprocessor, graph in ((here, task.graph), (everywhere, whole))
    )
    assert found == wanted
    assert np.mean([row[0] != "" for row in found]) > 0.9


def test_figures(recipe):
    config = recipe.complete(recipe.Config(**TINY))
    task = recipe.joint_training.load_task(config)
    labels = task.texts.test.labels
    wrong = np.where(np.arange(len(labels)) % 3, labels, 0)
    text_only = recipe.measure(task, wrong, None)
    figures = recipe.measure(task, labels, wrong)
    assert "gain" not in text_only
    assert figures["accuracy"] == 1.0
    full = evaluation.relation_f1(labels, labels, task.texts.classes)
    np.testing.assert_allclose(figures["gain"], full - text_only["macro_f1"])
    assert figures["gain_low"] > 0
