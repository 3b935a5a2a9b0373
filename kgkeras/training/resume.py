"""Checkpoints from which training goes on as if it had not been interrupted."""

import json
import os
import pathlib
import shutil

import keras
import numpy as np

# What keeps the memory of EarlyStopping, ModelCheckpoint and ReduceLROnPlateau between epochs.
_CALLBACK_STATE = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")
_FINISHED = "-finished"


class Resume(keras.callbacks.Callback):
    """Writes the whole state of training at the end of each epoch, all of it or nothing.

    Beside weights and optimizer, as in `keras.callbacks.BackupAndRestore`, it keeps the state of
    the random generators (dropout) and of other callbacks (early stopping), so that an
    interrupted run ends with the numbers of an uninterrupted one. A state is a folder of plain
    files that appears under its name only when it is complete: a killed process leaves the one
    before.

    Args:
        folder: Where the states live.
        companions: Callbacks whose memory is kept. Put them before this one in `fit`.

    Raises:
        ValueError: If a companion is to restore the best weights: it holds them in memory only.
    """

    def __init__(self, folder, companions=()):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.companions = list(companions)
        if any(getattr(callback, "restore_best_weights", False) for callback in self.companions):
            raise ValueError(
                "`companions` must not have `restore_best_weights=True`: a killed process loses "
                "them. Write them with ModelCheckpoint, and load them after `fit`."
            )
        self.finished = False
        self._state = None

    def restore(self, model):
        """Puts the newest state into a compiled model.

        Returns:
            The epoch to go on with: 0 where there is no state.

        Raises:
            ValueError: If the state is that of another model.
        """
        states = self._states()
        if not states:
            return 0
        newest = states[-1]
        with (
            np.load(newest / "variables.npz", allow_pickle=False) as arrays,
            model.distribute_strategy.scope(),
        ):
            _assign(_variables(model), arrays, newest)
        self._state = json.loads((newest / "state.json").read_text())
        self.finished = newest.name.endswith(_FINISHED) or self._state["stopped"]
        return self._state["epoch"]

    def on_train_begin(self, logs=None):
        if self._state is None:
            return
        for callback, state in zip(self.companions, self._state["callbacks"], strict=True):
            vars(callback).update(state)

    def on_epoch_end(self, epoch, logs=None):
        state = {
            "epoch": epoch + 1,
            "stopped": self.model.stop_training,  # by a companion: early stopping
            "callbacks": [_memory(callback) for callback in self.companions],
        }
        self._write(state, f"state-{epoch + 1:06d}")

    def on_train_end(self, logs=None):
        states = self._states()
        if states and not states[-1].name.endswith(_FINISHED):
            os.rename(states[-1], f"{states[-1]}{_FINISHED}")
        self.finished = bool(states)

    def _write(self, state, name):
        older = self._states()
        temporary = self.folder / "writing"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        arrays = {
            str(i): _storable(keras.ops.convert_to_numpy(variable))
            for i, variable in enumerate(_variables(self.model))
        }
        np.savez(temporary / "variables.npz", **arrays)
        (temporary / "state.json").write_text(json.dumps(state))
        os.rename(temporary, self.folder / name)
        for folder in older:
            shutil.rmtree(folder)

    def _states(self):
        return sorted(self.folder.glob("state-*"))


def _variables(model):
    """Weights, random generators and optimizer, in an order that the program fixes."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def _storable(array):
    """NumPy's files know no bfloat16; float32 holds every one of its values."""
    return array.astype("float32") if array.dtype.name == "bfloat16" else array


def _memory(callback):
    """The plain numbers among a callback's memory."""
    state = {name: vars(callback)[name] for name in _CALLBACK_STATE if name in vars(callback)}
    return {
        name: value if value is None else float(value) if name == "best" else int(value)
        for name, value in state.items()
    }


def _assign(variables, arrays, folder):
    shapes = [tuple(variable.shape) for variable in variables]
    saved = [arrays[str(i)].shape for i in range(len(arrays.files))]
    if shapes != saved:
        raise ValueError(
            f"{folder} holds the state of another model: {len(saved)} variables, this model has "
            f"{len(shapes)}, or their shapes differ. Start anew, or use another run folder."
        )
    for i, variable in enumerate(variables):
        variable.assign(arrays[str(i)])
