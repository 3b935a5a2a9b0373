"""The input of the encoders trained from scratch: token ids to vectors."""

import keras
from keras import ops

from kgkeras.ops import lookup
from kgkeras.registration import serializable


@serializable
class TokenEmbedding(keras.layers.Layer):
    """Looks up one trainable vector a token.

    Unlike `keras.layers.Embedding`, a token that occurs often in a batch has its gradients summed
    before adaptive optimizers square them.

    Args:
        vocabulary_size: Number of tokens.
        dim: Length of a vector.

    Call arguments:
        inputs: Integer tensor of any shape, token ids; with `reverse`, vectors `(..., dim)`.
        reverse: True for the other way, as `keras.layers.ReversibleEmbedding` has it: the products
            of vectors with those of all tokens.

    Returns:
        Float tensor `(*inputs.shape, dim)`; with `reverse`, `(..., vocabulary_size)`, float32 also
        under mixed precision: losses need the digits.
    """

    def __init__(self, vocabulary_size, dim, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.vocabulary_size = vocabulary_size
        self.dim = dim

    def build(self, input_shape):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.vocabulary_size, self.dim),
            initializer="uniform",
            autocast=False,
        )

    def call(self, inputs, reverse=False):
        if reverse:
            return ops.matmul(ops.cast(inputs, self.variable_dtype), ops.transpose(self.embeddings))
        return ops.cast(lookup(self.embeddings, inputs, name="token_ids"), self.compute_dtype)

    @property
    def input_dim(self):
        """The number of tokens, by the name that Keras' embeddings have for it."""
        return self.vocabulary_size

    @property
    def output_dim(self):
        """The length of a vector, by the name that Keras' embeddings have for it."""
        return self.dim

    def compute_output_spec(self, inputs, reverse=False):
        shape = (*inputs.shape[:-1], self.vocabulary_size) if reverse else (*inputs.shape, self.dim)
        return keras.KerasTensor(shape, self.variable_dtype if reverse else self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "dim": self.dim,
        }
