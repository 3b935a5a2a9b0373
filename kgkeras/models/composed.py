"""A Keras model made of parts that are given to it."""

import keras

from kgkeras.models.replicated import ReplicatedModel
from kgkeras.ops.freezing import freeze


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
        for part in cls.parts:
            config[part] = keras.saving.deserialize_keras_object(
                config[part], custom_objects=custom_objects
            )
        model = cls(**config)
        for layer in model.layers:
            if not layer.trainable:
                freeze(layer)
        return model
