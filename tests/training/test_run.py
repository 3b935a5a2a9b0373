import csv
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from kgkeras import layers, training
from tests import toy

CONFIG = {"rate": 1e-2}


def _model():
    keras.utils.set_random_seed(3)
    head = layers.ClassificationHead(2, hidden_dim=16, dropout=0.3)
    return toy.model(layers.GatedFusion(), head=head)


def _train(folder, epochs=4, patience=None, resume=True, config=CONFIG):
    facts = toy.graph()
    inputs, labels = toy.claims(facts, 128)
    model = _model()
    run = training.TrainingRun(
        folder, config, monitor="val_accuracy", patience=patience, resume=resume
    )
    first_epoch = run.restore(model)
    if not run.finished:
        toy.fit(
            model,
            facts,
            inputs,
            labels,
            epochs,
            first_epoch=first_epoch,
            validation_data=(inputs, labels),
            callbacks=run.callbacks(),
        )
    return model, run, first_epoch


class _KilledError(Exception):
    pass


class _KillAt(keras.callbacks.Callback):
    def __init__(self, epoch, moment):
        super().__init__()
        self.epoch, self.moment = epoch, moment

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise _KilledError


# The killed `fit` leaves its log file open, as a killed process does.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("when", ["before", pytest.param("after", marks=pytest.mark.slow)])
def test_interrupted_equals_uninterrupted(tmp_path, when, monkeypatch):
    whole, whole_run, _ = _train(tmp_path / "whole")

    callbacks = training.TrainingRun.callbacks

    def killing(run):
        listed = callbacks(run)
        # Before: the epoch is logged, but its state not yet written.
        place = len(listed) - 1 if when == "before" else len(listed)
        listed.insert(place, _KillAt(1, when))
        return listed

    monkeypatch.setattr(training.TrainingRun, "callbacks", killing)
    with pytest.raises(_KilledError):
        _train(tmp_path / "cut")
    monkeypatch.undo()
    cut, cut_run, first_epoch = _train(tmp_path / "cut")
    assert first_epoch == (1 if when == "before" else 2)
    for one, other in zip(cut.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert cut_run.history() == whole_run.history()
    assert [row["epoch"] for row in _rows(tmp_path / "cut")] == ["0", "1", "2", "3"]


def _rows(folder):
    with open(folder / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_early_stopping_remembers_its_patience(tmp_path):
    # Accuracy is a constant from epoch 0 on: nothing ever improves.
    def stop_epochs(folder, epochs):
        model = toy.model()
        inputs, labels = toy.claims(toy.graph(), 64)
        model.compile(keras.optimizers.SGD(0.0), model.head.loss(), metrics=[model.head.accuracy()])
        run = training.TrainingRun(folder, CONFIG, monitor="val_accuracy", patience=3)
        first = run.restore(model)
        if not run.finished:
            toy.fit(
                model,
                None,
                inputs,
                labels,
                epochs,
                first_epoch=first,
                validation_data=(inputs, labels),
                callbacks=run.callbacks(),
            )
        return len(run.history()["loss"]), run

    length, _ = stop_epochs(tmp_path / "whole", 9)
    assert length == 4
    stop_epochs(tmp_path / "parts", 2)
    state = next((tmp_path / "parts" / "state").iterdir())
    os.rename(state, str(state).removesuffix("-finished"))  # as if killed after two epochs
    length, run = stop_epochs(tmp_path / "parts", 9)
    assert length == 4
    assert run.finished
    assert stop_epochs(tmp_path / "parts", 9)[0] == 4  # a finished run stays as it is


def test_killed_in_the_first_epoch(tmp_path):
    (tmp_path / "history.csv").touch()  # what CSVLogger has written by then
    _, run, first_epoch = _train(tmp_path, epochs=1)
    assert first_epoch == 0
    assert len(run.history()["loss"]) == 1


def test_starting_anew_removes_nothing_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    _train(tmp_path, epochs=1)
    _, _, first_epoch = _train(tmp_path, epochs=1, resume=False)
    assert first_epoch == 0
    assert (tmp_path / "thesis.txt").exists()


def test_companions_that_hold_weights_are_refused(tmp_path):
    stopping = keras.callbacks.EarlyStopping(restore_best_weights=True)
    with pytest.raises(ValueError, match="must not have `restore_best_weights=True`"):
        training.Resume(tmp_path, [stopping])


def test_tuples_and_half_precision_survive_the_file(tmp_path):
    config = {"sizes": (1, 2)}
    for first in (0, 1):
        model = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(1, dtype="bfloat16", name="dense")]
        )
        model.compile("sgd", "mse")
        run = training.TrainingRun(tmp_path, config, monitor="val_loss")
        assert run.restore(model) == first
        x = np.ones((4, 2))
        if not first:
            model.fit(
                x, x[:, :1], validation_data=(x, x[:, :1]), verbose=0, callbacks=run.callbacks()
            )
            weights = [np.array(w, "float32") for w in model.get_weights()]
    for one, other in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(np.array(one, "float32"), other)


def test_killed_process_resumes(tmp_path):
    """A real `kill -9` in the middle of `fit`."""
    script = (
        "import sys; from tests.training import test_run as t;"
        "print('READY', flush=True); t._train(sys.argv[1], epochs=400)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    deadline = time.time() + 120
    while not list(tmp_path.glob("state/state-00000[3-9]")):
        assert time.time() < deadline, "no state was written"
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    model = _model()
    run = training.TrainingRun(tmp_path, CONFIG, monitor="val_accuracy")
    first_epoch = run.restore(model)
    assert first_epoch >= 3
    assert not run.finished
    assert len(_rows(tmp_path)) == first_epoch
    run.load_best(model)


def test_best_weights(tmp_path):
    model, run, _ = _train(tmp_path)
    accuracies = run.history()["val_accuracy"]
    run.load_best(model)
    inputs, labels = toy.claims(toy.graph(), 128)
    best = model.evaluate(inputs, labels, verbose=0, return_dict=True)["accuracy"]
    np.testing.assert_allclose(best, max(accuracies), rtol=1e-6)
    assert list((tmp_path / "tensorboard").rglob("events*"))


def test_of_losses_the_lowest_is_best(tmp_path):
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(keras.optimizers.SGD(1.5), "mse")
    run = training.TrainingRun(tmp_path, {}, monitor="val_loss")
    x = np.ones((2, 1))
    model.fit(x, x, validation_data=(x, x), epochs=3, verbose=0, callbacks=run.callbacks())
    run.load_best(model)
    # Each step doubles the error, so that the first epoch's weights are the best.
    np.testing.assert_allclose(model.get_weights()[0], 3.0, rtol=1e-5)


def test_history_without_validation(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    run = training.TrainingRun(tmp_path, {}, monitor="loss")
    x = np.ones((2, 1))
    model.fit(x, x, epochs=2, verbose=0, callbacks=run.callbacks())
    history = run.history()
    assert set(history) == {"epoch", "loss"}
    assert history["epoch"] == [0, 1]


def test_another_configuration_is_refused(tmp_path):
    _train(tmp_path, epochs=1)
    with pytest.raises(ValueError, match=r"another configuration \(rate: 0.01 then, 0.5 now\)"):
        _train(tmp_path, config={"rate": 0.5})
    _, _, first_epoch = _train(tmp_path, epochs=1, config={"rate": 0.5}, resume=False)
    assert first_epoch == 0


def test_state_of_another_model_is_refused(tmp_path):
    _train(tmp_path, epochs=1)
    run = training.TrainingRun(tmp_path, CONFIG, monitor="val_accuracy")
    with pytest.raises(ValueError, match="holds the state of another model"):
        run.restore(toy.model())


def test_json_is_whole_or_absent(tmp_path):
    with pytest.raises(TypeError):
        training.write_json(tmp_path / "x.json", {"a": object()})
    assert not list(tmp_path.iterdir())
    training.write_json(tmp_path / "x.json", {"a": 1})
    assert (tmp_path / "x.json").read_text() == '{\n  "a": 1\n}\n'
