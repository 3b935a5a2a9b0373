"""Weights that do not begin alike."""

import keras


def apart(initializer):
    """An initializer of the same kind that does not draw the same numbers.

    Keras draws the same whenever it asks the same object, so that two weights would begin alike.
    """
    initializer = keras.initializers.get(initializer)
    if not isinstance(getattr(initializer, "seed", None), int):
        return initializer
    config = initializer.get_config()
    seed = config.get("seed")
    return type(initializer).from_config({**config, "seed": None if seed is None else seed + 1})
