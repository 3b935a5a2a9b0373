"""Writes a SavedModel version that TensorFlow Serving takes as it is, or writes nothing."""

import pathlib

import tensorflow as tf

from kgkeras.checks import describe
from kgkeras.export.card import checked_card, write_card
from kgkeras.export.check import refuse
from kgkeras.export.endpoint import Endpoint
from kgkeras.export.versions import free_version, publishing
from kgkeras.export.warmup import run_warmup, write_warmup


def write_saved_model(base, endpoints, *, tracked=(), card=None, version=None):
    """Writes the SavedModel `base/version` and publishes it only once it has passed every check.

    It is written beside the versions under a name no server takes, checked, given its warmup
    requests (each is run) and its card, and then renamed. On any failure `base` is as before.

    Args:
        base: Folder of the model's versions; made if it is not there. Its name is the model's.
        endpoints: The `Endpoint`s. The first also answers as `serving_default`, unless one has
            that name.
        tracked: What holds the lookup tables that the endpoints use, such as tokenizers and
            linkers; built, if they are Keras layers. Variables the endpoints bring along.
        card: A dict that JSON can hold, for `assets.extra/model.json`.
        version: Number of the version. Defaults to one more than the highest in `base`, or 1.

    Returns:
        The `pathlib.Path` of the new version.

    Raises:
        ValueError: If an argument does not fit.
        FileExistsError: If `version` is there already.
        ImportError: If there are warmup samples but not the package tensorflow-serving-api.
        ExportError: If TensorFlow Serving could not load the SavedModel or answer from it.
    """
    base = pathlib.Path(base).absolute()
    endpoints = _checked_endpoints(endpoints)
    card = checked_card(card)
    version = free_version(base, version)
    with publishing(base, version) as folder:
        _save(folder, endpoints, tracked)
        refuse(folder, version=version)
        write_warmup(folder, endpoints, model_name=base.name)
        run_warmup(folder)
        write_card(folder, card)
    return base / str(version)


def _save(folder, endpoints, tracked):
    """Saves the graph of each endpoint, and the variables and tables that the graphs use.

    As `keras.export.ExportArchive` does, but each function is traced once, not four times.
    """
    functions = {
        endpoint.name: tf.function(
            endpoint.function, input_signature=endpoint.inputs, autograph=False
        ).get_concrete_function()
        for endpoint in endpoints
    }
    variables = {id(v): v for function in functions.values() for v in function.variables}
    root = tf.Module()
    root.state = list(variables.values())
    root.tables = [
        item
        for resource in tracked
        for item in tf.train.TrackableView(resource).descendants()
        if isinstance(item, tf.saved_model.experimental.TrackableResource)
    ]
    functions.setdefault("serving_default", functions[endpoints[0].name])
    tf.saved_model.save(root, str(folder), signatures=functions)


def _checked_endpoints(endpoints):
    endpoints = tuple(endpoints)
    wrong = [item for item in endpoints if not isinstance(item, Endpoint)]
    if wrong:
        raise ValueError(f"`endpoints` must hold Endpoint objects. {describe(wrong[0])}.")
    names = [endpoint.name for endpoint in endpoints]
    if not names or len(set(names)) != len(names):
        raise ValueError(
            f"`endpoints` must be at least one, with different names. Received: {names}."
        )
    return endpoints
