"""One reader for all tasks."""

import keras

from kgkeras.layers.sharing.task_sharing import TaskSharing, output_dim
from kgkeras.ops.joined_rows import split_rows
from kgkeras.registration import serializable


@serializable
class HardSharing(TaskSharing):
    """One trunk reads the texts of all tasks, in one pass.

    Args:
        trunk: `keras.Model` from a dict of `token_ids`, `padding_mask` and perhaps `entity_ids` to
            `(batch, words, dim)`, such as a text encoder with a fusion layer behind it.

    Reference: Caruana, Multitask Learning, 1997.
    """

    def __init__(self, trunk, **kwargs):
        super().__init__(**kwargs)
        self.trunk = trunk
        self.dim = output_dim(trunk)

    def build(self, inputs_shape):
        if not self.trunk.built:
            self.trunk.build(next(iter(inputs_shape.values())))

    def read(self, texts, names, masks, training=None):
        return split_rows(self.trunk(texts, training=training), masks)

    def with_task(self, name, part=None):
        super().with_task(name, part)
        # A layer of its own: Keras takes the first call's outputs for those of all.
        return HardSharing(self.trunk, name=self.name)

    def get_config(self):
        return {**super().get_config(), "trunk": keras.saving.serialize_keras_object(self.trunk)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "trunk": keras.saving.deserialize_keras_object(config["trunk"])})
