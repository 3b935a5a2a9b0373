"""Parts that occur several times in a model's configuration, and are one object all the same.

Keras knows such parts only where it has serialised them itself, one inside the other; layers that
serialise their own parts make copies of what they return, and a table of entities that a trunk and
two heads use would be loaded as three.
"""

import contextlib

import keras
from keras.src.backend.common import global_state
from keras.src.saving.serialization_lib import ObjectSharingScope


def mark_shared(config, parts):
    """Numbers the layers in a configuration, the same layer always alike.

    Args:
        config: What `serialize_keras_object` returned for `parts`: dicts and lists, in which a
            layer's parts have the names of its attributes. Changed in place.
        parts: The objects: a layer, or a dict or list of them.

    Returns:
        `config`.
    """
    _mark(config, parts, {})
    return config


def sharing_scope():
    """A context in which equal numbers are made into one object; that of a file, if one is read."""
    if global_state.get_global_attribute("shared_objects/id_to_obj_map") is not None:
        return contextlib.nullcontext()
    return ObjectSharingScope()


def _mark(config, part, numbers):
    if isinstance(config, list | tuple) and isinstance(part, list | tuple):
        for item, of_part in zip(config, part, strict=True):
            _mark(item, of_part, numbers)
    elif isinstance(config, dict) and isinstance(part, dict):
        for name, item in config.items():
            _mark(item, part.get(name), numbers)
    elif isinstance(config, dict) and isinstance(part, keras.layers.Layer) and "config" in config:
        config["shared_object_id"] = numbers.setdefault(id(part), len(numbers) + 1)
        for name, item in config["config"].items():
            if not isinstance(item, dict | list):
                continue
            if name == "layers" and isinstance(part, keras.Model):
                layers = {layer.name: layer for layer in part.layers}
                for layer in item:
                    _mark(layer, layers.get(layer["name"]), numbers)
            else:
                _mark(item, getattr(part, name, None), numbers)
