"""The one door to TF-GNN, which refuses to load where `tf.keras` is Keras 3."""

import contextlib
import functools
import importlib
import threading
import types

import tensorflow as tf

_LOCK = threading.RLock()


def tensorflow_gnn():
    """The module `tensorflow_gnn`, imported at the first call.

    Use its data types and operations. Its Keras layers are Keras 2 and cannot be part of our
    models.
    """
    return import_module("tensorflow_gnn")


@functools.cache
def import_module(name):
    """A module of TF-GNN by its full name; those of its samplers look for Keras 2, too."""
    with keras_2():
        return importlib.import_module(name)


@contextlib.contextmanager
def keras_2():
    """Context in which `tf.keras` is Keras 2 to this thread, and to all others what it was.

    One thread at a time is inside. Afterwards `tf.keras` is what it was.
    """
    with _LOCK:
        legacy = importlib.import_module("tf_keras")
        tf.keras.layers  # noqa: B018  (its loader puts the module in its own place when first used)
        current = tf.keras
        tf.keras = _KerasByThread(legacy, current)
        try:
            yield
        finally:
            tf.keras = current


class _KerasByThread(types.ModuleType):
    """Stands for one module to the thread that made it, and for another to the rest."""

    def __init__(self, mine, others):
        super().__init__(others.__name__)
        self._mine, self._others, self._me = mine, others, threading.get_ident()

    def __getattr__(self, name):
        return getattr(self._mine if threading.get_ident() == self._me else self._others, name)
