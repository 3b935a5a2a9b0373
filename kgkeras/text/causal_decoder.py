"""Causal language models that decode word by word."""

import contextlib
import threading

import keras
import keras_hub
import tensorflow as tf

from kgkeras.checks import describe

_LOCK = threading.RLock()


def causal_decoder(backbone):
    """The `keras_hub.models.GPT2CausalLM` of a backbone, whose keys and values can be cached.

    Its `call_with_cache` can be exported.

    Raises:
        ValueError: If the backbone is no `keras_hub.models.GPT2Backbone`.
    """
    if not isinstance(backbone, keras_hub.models.GPT2Backbone):
        raise ValueError(f"`backbone` must be a GPT2Backbone. {describe(backbone)}.")
    return _ServableCausalLM(backbone=backbone, preprocessor=None)


class _ServableCausalLM(keras_hub.models.GPT2CausalLM):
    def call_with_cache(self, token_ids, cache, cache_update_index):
        with _without_xla():
            return super().call_with_cache(token_ids, cache, cache_update_index)


@contextlib.contextmanager
def _without_xla():
    """Gives way to `_slice_update`: that of Keras is an operation of XLA that no server has."""
    with _LOCK:  # Else two threads could leave it behind.
        original = keras.ops.slice_update
        keras.ops.slice_update = _slice_update
        try:
            yield
        finally:
            keras.ops.slice_update = original


def _slice_update(inputs, start_indices, updates):
    """`keras.ops.slice_update` of whole slices along axis 1."""
    start = start_indices[1]
    parts = [inputs[:, :start], updates, inputs[:, start + tf.shape(updates)[1] :]]
    return tf.ensure_shape(tf.concat(parts, axis=1), inputs.shape)
