"""Causal language models that decode word by word."""

import keras_hub

from kgkeras.checks import describe


def causal_decoder(backbone):
    """The `keras_hub.models.GPT2CausalLM` of a backbone, whose keys and values can be cached.

    Raises:
        ValueError: If the backbone is no `keras_hub.models.GPT2Backbone`.
    """
    if not isinstance(backbone, keras_hub.models.GPT2Backbone):
        raise ValueError(f"`backbone` must be a GPT2Backbone. {describe(backbone)}.")
    return keras_hub.models.GPT2CausalLM(backbone=backbone, preprocessor=None)
