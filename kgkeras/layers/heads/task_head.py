"""What the heads of tasks have in common."""

from typing import ClassVar

import keras


class TaskHead(keras.layers.Layer):
    """Base of layers that make a task's answer.

    Subclasses say what a task's inputs are, and implement `call(inputs, words=None)`.

    Attributes:
        reads_text: Whether the task has texts, which the shared layer reads. Then `words` is
            `(batch, words, dim)`.
        extra_inputs: Dict from the name of each further input to its shape, without the batch, and
            its type.
    """

    reads_text = True
    extra_inputs: ClassVar[dict[str, tuple[tuple, str]]] = {}

    def get_build_config(self):
        return None  # the model that is made of it builds it

    def symbolic_inputs(self, texts, prefix=""):
        """The inputs of a task: dict of `keras.Input`.

        Args:
            texts: Names of what the shared layer reads.
            prefix: What the names of the tensors begin with.
        """
        specs = {name: ((None,), _dtype(name)) for name in texts} if self.reads_text else {}
        return {
            name: keras.Input(shape, dtype=dtype, name=f"{prefix}{name}")
            for name, (shape, dtype) in {**specs, **self.extra_inputs}.items()
        }


def _dtype(name):
    return "bool" if name.endswith("mask") else "int32"
