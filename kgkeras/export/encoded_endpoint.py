"""Signatures that take texts already encoded."""

import tensorflow as tf

from kgkeras.export.endpoint import Endpoint


def encoded_endpoint(name, function, preprocessor, texts):
    """The signature of a function of what a preprocessor makes of texts.

    Args:
        name: Name of the signature.
        function: Takes each of the preprocessor's tensors `(batch, tokens)` by its name; returns a
            dict of tensors.
        preprocessor: A `kgkeras.text.Preprocessor`, or one that tells more of a text.
        texts: Typical texts, the warmup request.

    Returns:
        `Endpoint`, whose inputs are named as these tensors.
    """
    encoded = preprocessor(texts)
    specs = [tf.TensorSpec([None, None], column.dtype, name=key) for key, column in encoded.items()]

    def answer(*columns):
        return function(**dict(zip(encoded, columns, strict=True)))

    return Endpoint(name, answer, specs, {key: column.numpy() for key, column in encoded.items()})
