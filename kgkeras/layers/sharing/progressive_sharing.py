"""Experts of each task beside experts of all, level by level."""

import keras

from kgkeras.layers.sharing.task_sharing import TaskSharing, choose_rows, needed_part, output_dim
from kgkeras.layers.sharing.text_gate import TextGate
from kgkeras.ops.routing import mixed_experts
from kgkeras.registration import serializable

SHARED = "shared"


@serializable
class ProgressiveSharing(TaskSharing):
    """Private and shared experts, separated further from level to level (PLE, CGC).

    Behind the trunk, each task has a stream, and there is a shared one. At each level a task's
    stream becomes `sum_i g_k(x_k)_i E_i`, over its own experts, which read its stream, and the
    shared ones, which read the shared stream; the shared stream becomes the same sum over all
    experts. Every text goes through all streams; its task's own is the result.

    Args:
        trunk: As of `HardSharing`.
        levels: List of dicts, one a level (CGC has one), from the name of each task and from
            `"shared"` to a list of experts, layers from words `(batch, words, dim)` to words of the
            same length.
        apart: Names of tasks whose experts the shared stream does not see, as they came later.

    Raises:
        ValueError: If the levels are not of the same tasks, or a stream has no expert.

    Reference: Tang et al., Progressive Layered Extraction, RecSys 2020.
    """

    def __init__(self, trunk, levels, apart=(), **kwargs):
        super().__init__(**kwargs)
        self.trunk, self.apart = trunk, tuple(apart)
        self.levels = [{name: list(experts) for name, experts in level.items()} for level in levels]
        self.dim = output_dim(trunk)
        names = [sorted(level) for level in self.levels]
        full = all(all(level.values()) for level in self.levels)
        if not names or names.count(names[0]) != len(names) or SHARED not in names[0] or not full:
            raise ValueError(
                "`levels` must be dicts of the same names, 'shared' among them, each with at least "
                f"one expert. Received: {names}."
            )
        # The last level's shared stream is nobody's.
        self.gates = [
            {
                name: TextGate(len(self._seen(level, name)), name=f"gate_{place}_{name}")
                for name in level
                if name != SHARED or place + 1 < len(self.levels)
            }
            for place, level in enumerate(self.levels)
        ]

    def _seen(self, level, name):
        """What a stream sees of a dict from each stream to the list of what it has at a level."""
        if name != SHARED:
            return level[name] + level[SHARED]
        return [item for task, items in level.items() if task not in self.apart for item in items]

    def build(self, inputs_shape):
        if not self.trunk.built:
            self.trunk.build(next(iter(inputs_shape.values())))
        shape = (None, None, self.dim)
        for level, gates in zip(self.levels, self.gates, strict=True):
            for layer in (expert for experts in level.values() for expert in experts):
                if not layer.built:
                    layer.build(shape)
            for gate in gates.values():
                if not gate.built:
                    gate.build(shape, shape[:2])

    def read(self, texts, names, masks, training=None):
        words = self.trunk(texts, training=training)
        streams = dict.fromkeys(self.levels[0], words)
        for level, gates in zip(self.levels, self.gates, strict=True):
            said = {
                name: [expert(streams[name]) for expert in experts]
                for name, experts in level.items()
            }
            streams = {
                name: _weighed(self._seen(said, name), gate(streams[name], texts["padding_mask"]))
                for name, gate in gates.items()
            }
        return choose_rows(streams, names, masks)

    def with_task(self, name, part=None):
        """As of the base; `part` is a list, one a level, of lists of the new task's experts.

        The shared stream, of which the other tasks' answers are made, does not see them.
        """
        part = needed_part(self, part, "a list of experts a level")
        levels = [
            {**level, name: experts} for level, experts in zip(self.levels, part, strict=True)
        ]
        layer = ProgressiveSharing(self.trunk, levels, (*self.apart, name), name=self.name)
        for new, old in zip(layer.gates, self.gates, strict=True):
            new.update(old)
        return layer

    def get_config(self):
        levels = [
            {
                name: [keras.saving.serialize_keras_object(expert) for expert in experts]
                for name, experts in level.items()
            }
            for level in self.levels
        ]
        trunk = keras.saving.serialize_keras_object(self.trunk)
        apart = list(self.apart)
        return {**super().get_config(), "trunk": trunk, "levels": levels, "apart": apart}

    @classmethod
    def from_config(cls, config):
        levels = [
            {
                name: [keras.saving.deserialize_keras_object(expert) for expert in experts]
                for name, experts in level.items()
            }
            for level in config["levels"]
        ]
        trunk = keras.saving.deserialize_keras_object(config["trunk"])
        return cls(**{**config, "trunk": trunk, "levels": levels})


def _weighed(said, gates):
    """The sum of what experts have said, weighed by `(rows, experts)`."""
    return mixed_experts([lambda _, w=words: w for words in said], said[0], gates, sparse=False)
