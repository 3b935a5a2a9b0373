"""Freezing of layers that may have been told so before they had all their parts."""


def freeze(layer):
    """Freezes a layer, with all that is inside.

    Layers that a layer makes as it is built do not learn from it that it is frozen, and setting
    `trainable` to what it is already does not tell them.
    """
    for part in layer._flatten_layers():
        part.trainable = False
