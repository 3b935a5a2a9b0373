"""A run's folder and the callbacks that fill it."""

import csv
import dataclasses
import json
import os
import pathlib
import shutil

import keras

from kgkeras.training.resume import Resume


class TrainingRun:
    """One model's training in one folder, which a second start of the same command resumes.

    The folder holds `config.json`, `history.csv`, TensorBoard logs, the best weights and the
    state to resume from.

    Args:
        folder: Where everything goes; made if absent.
        config: Dataclass or dict of plain values; a run is only resumed under the same ones.
        monitor: Validation figure that decides which weights are best.
        mode: `"max"` or `"min"`: which of its values are better; where None, the lower of a loss
            and the higher of anything else.
        patience: Epochs without a better value before training stops; None never stops early.
        resume: False starts anew and removes what an earlier run left in `folder`.

    Raises:
        ValueError: If `folder` holds a run of another configuration.

    Example:
    ```python
    run = TrainingRun("runs/fused", config, monitor="val_accuracy", patience=5)
    first_epoch = run.restore(model)
    if not run.finished:
        model.fit(batches_from(first_epoch), initial_epoch=first_epoch, epochs=20,
                  steps_per_epoch=100, validation_data=valid, callbacks=run.callbacks())
    run.load_best(model)
    ```
    """

    def __init__(self, folder, config, *, monitor, mode=None, patience=None, resume=True):
        self.folder = pathlib.Path(folder)
        if mode is None:
            mode = "min" if monitor.endswith("loss") else "max"
        if not resume:
            self._forget()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._check_config(config if isinstance(config, dict) else dataclasses.asdict(config))
        self._best = keras.callbacks.ModelCheckpoint(
            str(self.folder / "best.weights.h5"),
            monitor=monitor,
            mode=mode,
            save_best_only=True,
            save_weights_only=True,
        )
        self._stopping = (
            []
            if patience is None
            else [keras.callbacks.EarlyStopping(monitor=monitor, mode=mode, patience=patience)]
        )
        self._resume = Resume(self.folder / "state", [self._best, *self._stopping])

    def restore(self, model):
        """Puts the state of an interrupted run into a compiled model; returns the next epoch."""
        first_epoch = self._resume.restore(model)
        self._cut_history(first_epoch)
        return first_epoch

    @property
    def finished(self):
        """Whether training had ended when `restore` was called."""
        return self._resume.finished

    def callbacks(self):
        """Keras callbacks for `fit`: logs, best weights, early stopping, and resuming last."""
        return [
            keras.callbacks.CSVLogger(str(self.folder / "history.csv"), append=True),
            keras.callbacks.TensorBoard(str(self.folder / "tensorboard"), write_graph=False),
            self._best,
            *self._stopping,
            self._resume,
        ]

    def load_best(self, model):
        """Puts the weights of the best epoch into the model."""
        model.load_weights(str(self.folder / "best.weights.h5"))

    def history(self):
        """The figures of each epoch: dict of lists, NaN where there was none."""
        with open(self.folder / "history.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        # Keras writes NA for what was not measured, and names figures of validations to come.
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        return {
            name: [float("nan" if value == "NA" else value) for value in column]
            for name, column in columns.items()
            if set(column) != {"NA"}
        }

    def _forget(self):
        """Removes what an earlier run wrote, the state first, and nothing else."""
        for name in ("state", "tensorboard"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name in ("best.weights.h5", "history.csv", "config.json"):
            (self.folder / name).unlink(missing_ok=True)

    def _check_config(self, config):
        config = json.loads(json.dumps(config))  # as it will be read again: lists for tuples
        path = self.folder / "config.json"
        if path.exists():
            before = json.loads(path.read_text())
            names = sorted(before.keys() | config.keys())
            changed = [name for name in names if before.get(name) != config.get(name)]
            if changed:
                said = ", ".join(
                    f"{name}: {before.get(name)!r} then, {config.get(name)!r} now"
                    for name in changed
                )
                raise ValueError(
                    f"{self.folder} holds a run of another configuration ({said}). Give another "
                    "folder with --run, or start anew with --no-resume."
                )
        write_json(path, config)

    def _cut_history(self, first_epoch):
        """Forgets epochs that were logged, but whose state was not yet written."""
        path = self.folder / "history.csv"
        if not first_epoch:
            # A process killed in its first epoch leaves a log without even a header.
            path.unlink(missing_ok=True)
            return
        with open(path, newline="") as file:
            header, *rows = csv.reader(file)
        kept = [row for row in rows if row[0].isdigit() and int(row[0]) < first_epoch]
        temporary = path.with_suffix(".writing")
        with open(temporary, "w", newline="") as file:
            csv.writer(file).writerows([header, *kept])
        os.replace(temporary, path)


def write_json(path, content):
    """Writes a JSON file that is either whole or not there."""
    path = pathlib.Path(path)
    text = json.dumps(content, indent=2) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".writing")
    temporary.write_text(text)
    os.replace(temporary, path)
