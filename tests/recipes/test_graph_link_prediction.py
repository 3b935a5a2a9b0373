"""The recipe runs small with each encoder, reaches a goal, and ends with one JSON object."""

import keras
import numpy as np
import pytest

from kgkeras import training


@pytest.fixture(scope="module")
def recipe(load_recipe):
    return load_recipe("graph_link_prediction")


@pytest.mark.slow
def test_learns_resumes_and_exports(recipe, tmp_path, last_line, shared_data):
    config = recipe.Config(
        data=str(shared_data / "UMLS"),
        dim=64,
        layers=2,
        learning_rate=0.01,
        epochs=9,
        batch_size=128,
        evaluate_every=3,
        run=str(tmp_path / "run"),
        export=str(tmp_path / "links"),
    )
    result = recipe.main(config)
    assert result == last_line()
    assert result["mrr"] > 0.7
    run = tmp_path / "run"
    names = {"config.json", "metrics.json", "history.csv", "curves.png", "model.keras", "report"}
    assert names <= {path.name for path in run.iterdir()}
    assert (tmp_path / "links" / "1" / "saved_model.pb").exists()
    # A finished run is not trained again, and ranks as before.
    again = recipe.main(config)
    assert {**again, "seconds": 0, "peak_gb": 0} == {**result, "seconds": 0, "peak_gb": 0}


@pytest.mark.parametrize("encoder", ["none", "rgcn"])
def test_other_encoders_on_bundled_data(recipe, encoder, tmp_path, last_line):
    config = recipe.Config(
        encoder=encoder,
        dim=16,
        epochs=2,
        batch_size=128,
        num_bases=2,
        hide_batch=True,
        limit=500,
        run=str(tmp_path / "run"),
        export=None,
    )
    result = recipe.main(config)
    assert result == last_line()
    assert (result["data"], result["encoder"]) == ("geography", encoder)
    assert 0 < result["mrr"] < 1


def _small(tmp_path, **settings):
    return dict(
        encoder="path",
        dim=4,
        layers=1,
        epochs=1,
        valid_limit=5,
        run=str(tmp_path / "run"),
        export=None,
        **settings,
    )


def test_paths_on_bundled_data(recipe, tmp_path, last_line):
    result = recipe.main(recipe.Config(**_small(tmp_path, limit=60, batch_size=32)))
    assert result == last_line()
    assert (result["data"], result["encoder"]) == ("geography", "path")
    assert 0 < result["mrr"] < 1


def test_texts_beside_paths(recipe, tmp_path, last_line):
    size = recipe.load_splits(recipe.Config(data="geography"))[0].num_entities
    texts = np.random.default_rng(0).normal(size=(size, 8)).astype("float32")
    np.savez(tmp_path / "texts.npz", training=texts, test=texts)
    settings = _small(tmp_path, limit=60, batch_size=32, texts=str(tmp_path / "texts.npz"))
    config = recipe.Config(**settings, shuffle_texts=True)
    result = recipe.main(config)
    assert result == last_line()
    assert result["texts"] == "shuffled"
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    held = model.triples.entities.texts.numpy()
    assert not np.array_equal(held, texts)
    np.testing.assert_array_equal(np.sort(held, axis=0), np.sort(texts, axis=0))
    np.savez(tmp_path / "texts.npz", training=texts, test=texts[1:])
    with pytest.raises(
        ValueError, match=rf"with \[{size}, {size}\] .*Received: \[{size}, {size - 1}"
    ):
        recipe.main(config)
    with pytest.raises(ValueError, match=r"--encoder none has no use for .*: --texts"):
        recipe.main(recipe.Config(**{**settings, "encoder": "none"}))


@pytest.mark.slow
def test_paths_to_entities_that_training_has_not_seen(
    recipe, tmp_path, last_line, shared_data, monkeypatch
):
    monkeypatch.setenv("KGKERAS_DATA", str(shared_data))
    settings = _small(tmp_path, data="fb237_v1", limit=300)
    splits = recipe.load_splits(recipe.Config(**settings))
    assert [part.train.num_triples for part in splits] == [300, 300]
    assert not set(splits[0].entities) & set(splits[1].entities)
    result = recipe.main(recipe.Config(**{**settings, "export": str(tmp_path / "paths")}))
    assert result == last_line()
    assert (result["data"], result["encoder"]) == ("fb237_v1", "path")
    assert (tmp_path / "paths" / "1" / "saved_model.pb").exists()
    assert 0 < result["mrr"] < result["hits@10_of_50"] <= 1


# What is interrupted leaves its history open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_short_epochs_resume_as_if_never_interrupted(recipe, tmp_path, monkeypatch):
    def losses(name, stopped):
        settings = _small(tmp_path / name, limit=60, batch_size=8, steps=2)
        config = recipe.complete(recipe.Config(**{**settings, "epochs": 2}))
        splits, _ = recipe.load_splits(config)
        if stopped:
            with monkeypatch.context() as patch:
                patch.setattr(training.TrainingRun, "callbacks", _with_interruption)
                with pytest.raises(KeyboardInterrupt):
                    recipe.train(config, splits)
        _, history = recipe.train(config, splits)
        return history["loss"]

    assert losses("whole", stopped=False) == losses("stopped", stopped=True)


_callbacks = training.TrainingRun.callbacks


def _with_interruption(run):
    return [*_callbacks(run), keras.callbacks.LambdaCallback(on_epoch_end=_interrupt)]


def _interrupt(epoch, logs):
    raise KeyboardInterrupt


def test_vectors_do_not_know_new_entities(recipe):
    for encoder in ("none", "compgcn"):
        with pytest.raises(ValueError, match=f"needs --encoder path.*--encoder {encoder}"):
            recipe.load_splits(recipe.Config(data="FB237_V1", encoder=encoder))
