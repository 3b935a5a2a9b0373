"""Tells the tokens at hidden places of a text."""

from typing import ClassVar

import keras
from keras import ops

from kgkeras.checks import positive_int
from kgkeras.layers.heads.task_head import TaskHead
from kgkeras.registration import serializable


@serializable
class HiddenTokenHead(TaskHead):
    """Masked language modelling as a task: BERT's head.

    `logits = E norm(gelu(W h + a)) + b` of the word `h` at each hidden place, where the rows of `E`
    are the vectors by which the encoder knows tokens, if it has such.

    Args:
        encoder: The encoder in what tasks share; one with a `token_embedding`, as ours have, shares
            its vectors of tokens.
        vocabulary_size: Number of tokens, for another encoder.

    Call arguments:
        inputs: Dict of `mask_positions` int32 `(batch, places)`, the hidden tokens, as
            `pipelines.masked_text_batches` makes them, and of what the shared layer reads.
        words: Float tensor `(batch, words, dim)`.

    Returns:
        Logits float32 `(batch, places, tokens)`.

    Raises:
        ValueError: If the number of tokens is not known.

    References: Devlin et al., BERT, NAACL 2019; Press and Wolf, Using the output embedding to
    improve language models, EACL 2017.
    """

    extra_inputs: ClassVar[dict] = {"mask_positions": ((None,), "int32")}

    def __init__(self, encoder, vocabulary_size=None, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self._tokens = getattr(encoder, "token_embedding", None)
        if self._tokens is None:
            vocabulary_size = positive_int("vocabulary_size", vocabulary_size)
        self.vocabulary_size = vocabulary_size

    def build(self, inputs_shape, words_shape):
        own = self._tokens is None
        size = self.vocabulary_size if own else self._tokens.embeddings.shape[0]
        dim = words_shape[-1] if own else self._tokens.embeddings.shape[1]
        self.hidden = keras.layers.Dense(dim, activation="gelu", name="hidden")
        self.hidden.build((None, None, words_shape[-1]))
        self.normalisation = keras.layers.LayerNormalization(name="normalisation")
        self.normalisation.build((None, None, dim))
        if own:
            self._tokens = keras.layers.Dense(size, use_bias=False, name="tokens", dtype="float32")
            self._tokens.build((None, None, dim))
        self.bias = self.add_weight(shape=(size,), initializer="zeros", name="bias")

    def call(self, inputs, words=None):
        places = ops.expand_dims(inputs["mask_positions"], -1)
        hidden = self.normalisation(self.hidden(ops.take_along_axis(words, places, axis=1)))
        if isinstance(self._tokens, keras.layers.Dense):
            logits = self._tokens(hidden)
        else:
            logits = self._tokens(hidden, reverse=True)
        return ops.cast(logits, "float32") + ops.cast(self.bias, "float32")

    def get_config(self):
        encoder = keras.saving.serialize_keras_object(self.encoder)
        config = {"encoder": encoder, "vocabulary_size": self.vocabulary_size}
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config):
        encoder = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(**{**config, "encoder": encoder})
