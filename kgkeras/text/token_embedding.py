"""The input of the encoders trained from scratch: token ids to vectors."""

import keras

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
        token_ids: Integer tensor of any shape.

    Returns:
        Float tensor `(*token_ids.shape, dim)`.
    """

    def __init__(self, vocabulary_size, dim, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.dim = dim

    def build(self, input_shape):
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.vocabulary_size, self.dim), initializer="uniform"
        )

    def call(self, token_ids):
        return lookup(self.embeddings, token_ids, name="token_ids")

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.dim)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "dim": self.dim,
        }
