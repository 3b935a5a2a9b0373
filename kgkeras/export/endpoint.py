"""One signature of a SavedModel, before it is written."""

import dataclasses
import re
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from kgkeras.checks import describe

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclasses.dataclass(frozen=True, eq=False)
class Endpoint:
    """A function that answers requests, with the names and shapes of what it takes.

    Attributes:
        name: Name of the signature: a letter, then letters, digits and underscores.
        function: Takes one tensor an input, positionally and in the order of `inputs`; returns a
            dict of dense tensors, each with the batch as axis 0.
        inputs: One `tf.TensorSpec` with a name an input, each with the batch as axis 0.
        warmup: Sample requests for the server to run before its first real one: a dict from each
            input's name to an array `(rows, ...)`, all with equally many rows. `None`: no warmup.
    """

    name: str
    function: Callable
    inputs: tuple[tf.TensorSpec, ...]
    warmup: Mapping[str, np.ndarray] | None = None

    def __post_init__(self):
        if not _is_name(self.name):
            raise ValueError(
                "`name` must be a letter followed by letters, digits and underscores. "
                f"{describe(self.name)}."
            )
        if not callable(self.function):
            raise ValueError(
                f"Endpoint {self.name!r}: `function` must be callable. {describe(self.function)}."
            )
        object.__setattr__(self, "inputs", tuple(self.inputs))
        self._check_inputs()
        if self.warmup is not None:
            self._check_warmup()

    def _check_inputs(self):
        if not self.inputs:
            raise ValueError(f"Endpoint {self.name!r}: `inputs` must hold at least one TensorSpec.")
        for spec in self.inputs:
            if not isinstance(spec, tf.TensorSpec) or not _is_name(spec.name):
                raise ValueError(
                    f"Endpoint {self.name!r}: each of `inputs` must be a tf.TensorSpec whose name "
                    f"is a letter followed by letters, digits and underscores. {describe(spec)}."
                )
        names = [spec.name for spec in self.inputs]
        if len(set(names)) != len(names):
            raise ValueError(f"Endpoint {self.name!r}: input names must differ. Received: {names}.")

    def _check_warmup(self):
        names = [spec.name for spec in self.inputs]
        if set(self.warmup) != set(names):
            raise ValueError(
                f"Endpoint {self.name!r}: `warmup` must name exactly the inputs {sorted(names)}. "
                f"Received: {sorted(self.warmup)}."
            )
        for spec in self.inputs:
            array = np.asarray(self.warmup[spec.name])
            if not _holds(array, spec) or array.ndim == 0 or len(array) == 0:
                raise ValueError(
                    f"Endpoint {self.name!r}: `warmup[{spec.name!r}]` must be an array with at "
                    f"least one row that fits {spec}. Received: an array of shape {array.shape} "
                    f"and dtype {array.dtype}."
                )
        rows = {name: len(self.warmup[name]) for name in names}
        if len(set(rows.values())) > 1:
            raise ValueError(
                f"Endpoint {self.name!r}: every array in `warmup` must have equally many rows. "
                f"Received: {rows}."
            )

    def sample(self, size):
        """Returns the warmup sample as a batch of `size` rows, repeated or cut.

        Args:
            size: Number of rows.

        Returns:
            A dict from each input's name to an array `(size, ...)`; empty without `warmup`.
        """
        arrays = {name: np.asarray(rows) for name, rows in (self.warmup or {}).items()}
        return {name: rows[np.arange(size) % len(rows)] for name, rows in arrays.items()}


def _is_name(name):
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _holds(array, spec):
    if spec.dtype == tf.string:
        return array.dtype.kind in "OSU" and spec.shape.is_compatible_with(array.shape)
    return array.dtype == spec.dtype.as_numpy_dtype and spec.shape.is_compatible_with(array.shape)
