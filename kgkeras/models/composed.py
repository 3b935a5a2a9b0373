"""A Keras model made of parts that are given to it."""

import keras

from kgkeras.models.replicated import ReplicatedModel
from kgkeras.ops.freezing import freeze
from kgkeras.ops.policies import default_policy


class ComposedModel(ReplicatedModel):
    """Base of models whose configuration is that of their parts and some plain settings.

    Attributes:
        parts: Names of arguments that are Keras objects, each kept as an attribute.
        settings: Names of arguments that are plain values, each kept as an attribute.
    """

    parts: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    def get_config(self):
        return {
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            **{
                part: keras.saving.serialize_keras_object(getattr(self, part))
                for part in self.parts
            },
            **{setting: getattr(self, setting) for setting in self.settings},
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        policy = keras.saving.deserialize_keras_object(config.pop("dtype", None))
        for part in cls.parts:
            config[part] = keras.saving.deserialize_keras_object(
                config[part], custom_objects=custom_objects
            )
        with default_policy(policy):  # of the layers that the model makes by itself
            model = cls(**config)
        for layer in model.layers:
            # What holds LoRA's matrices is frozen but for them.
            if not layer.trainable and not _has_lora(layer):
                freeze(layer)
        return model


def _has_lora(layer):
    return any(getattr(part, "lora_enabled", False) for part in layer._flatten_layers())
