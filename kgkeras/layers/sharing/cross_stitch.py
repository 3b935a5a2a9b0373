"""A reader for each task, whose layers exchange what they have read."""

import keras
import numpy as np
from keras import ops

from kgkeras.layers.sharing.task_sharing import TaskSharing, choose_rows, needed_part, output_dim
from kgkeras.registration import serializable


@serializable
class CrossStitchSharing(TaskSharing):
    """Each task has a stack of layers; behind each layer, a learned matrix mixes the stacks.

    `[x'_1, ..., x'_n] = A_l [x_1, ..., x_n]`: at level `l`, the words of each stack become a
    mixture of those of all. Every text goes through all stacks; its task's own is the result. So a
    step costs as much as that many trunks over the texts of all tasks.

    Args:
        stacks: Dict from the name of each task to a list of layers, equally many: the first from a
            dict of inputs to words, as a trunk of `HardSharing`, each further one from words to
            words.
        own: What a stack begins with of itself, in `(0, 1]`; the others share the rest.

    Raises:
        ValueError: If the stacks are not equally high or `own` is out of range.

    Reference: Misra et al., Cross-stitch Networks for Multi-task Learning, CVPR 2016.
    """

    def __init__(self, stacks, own=0.9, **kwargs):
        super().__init__(**kwargs)
        self.stacks = {name: list(stack) for name, stack in stacks.items()}
        heights = {name: len(stack) for name, stack in self.stacks.items()}
        if len(set(heights.values())) != 1:
            raise ValueError(f"`stacks` must be equally high. Received: {heights}.")
        if not 0 < own <= 1:
            raise ValueError(f"`own` must be in (0, 1]. Received: {own!r}.")
        self.own = float(own)
        top = next(iter(self.stacks.values()))
        self.dim = output_dim(top[0])

    def build(self, inputs_shape):
        tasks = len(self.stacks)
        rest = (1 - self.own) / max(tasks - 1, 1)
        # A single stack has nobody to share with.
        start = [
            [(self.own if tasks > 1 else 1.0) if i == j else rest for j in range(tasks)]
            for i in range(tasks)
        ]
        self.mixtures = [
            self.add_weight(
                shape=(tasks, tasks),
                initializer=lambda shape, dtype: ops.convert_to_tensor(start, dtype),
                name=f"mixture_{level}",
            )
            for level in range(len(next(iter(self.stacks.values()))))
        ]
        self._shape = shape = next(iter(inputs_shape.values()))
        for first, *others in self.stacks.values():
            if not first.built:
                first.build(shape)
            for layer in others:
                if not layer.built:
                    layer.build((None, None, self.dim))

    def read(self, texts, names, masks, training=None):
        words = [stack[0](texts, training=training) for stack in self.stacks.values()]
        words = self._mixed(0, words)
        for level in range(1, len(self.mixtures)):
            layers = [stack[level] for stack in self.stacks.values()]
            words = [
                _called(layer, w, texts, training) for layer, w in zip(layers, words, strict=True)
            ]
            words = self._mixed(level, words)
        return choose_rows(dict(zip(self.stacks, words, strict=True)), names, masks)

    def _mixed(self, level, words):
        mixture = ops.cast(self.mixtures[level], words[0].dtype)
        stacked = ops.tensordot(mixture, ops.stack(words), axes=1)
        return [stacked[place] for place in range(len(words))]

    def with_task(self, name, part=None):
        """As of the base; `part` is the new task's stack, which at first mixes with no other."""
        stacks = {**self.stacks, name: list(needed_part(self, part, "a stack of layers"))}
        layer = CrossStitchSharing(stacks, self.own, name=self.name)
        layer.build(dict.fromkeys(stacks, self._shape))
        for new, old in zip(layer.mixtures, self.mixtures, strict=True):
            mixture = np.eye(len(stacks), dtype="float32")
            mixture[:-1, :-1] = ops.convert_to_numpy(old)
            new.assign(mixture)
        return layer

    def get_config(self):
        stacks = {
            name: [keras.saving.serialize_keras_object(layer) for layer in stack]
            for name, stack in self.stacks.items()
        }
        return {**super().get_config(), "stacks": stacks, "own": self.own}

    @classmethod
    def from_config(cls, config):
        stacks = {
            name: [keras.saving.deserialize_keras_object(layer) for layer in stack]
            for name, stack in config["stacks"].items()
        }
        return cls(**{**config, "stacks": stacks})


def _called(layer, words, texts, training):
    """Words through a layer, which is told of padding and of training if it wants to know."""
    extra = {}
    if layer._call_has_training_arg:
        extra["training"] = training
    if "padding_mask" in layer._call_signature.parameters:
        extra["padding_mask"] = texts["padding_mask"]
    return layer(words, **extra)
