"""Registers our classes with Keras, so that saved models find them again by name."""

import keras


def serializable(cls):
    """Class decorator: registers `cls` with Keras under the package name `kgkeras`."""
    return keras.saving.register_keras_serializable(package="kgkeras")(cls)
