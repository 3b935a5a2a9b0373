"""Positions that are not those of the row."""

import keras

from kgkeras.ops import lookup


class OwnPositions(keras.layers.Layer):
    """Looks up the vectors of given positions in a `keras_hub.layers.PositionEmbedding`.

    Args:
        embedding: The layer, which has been built.

    Call arguments:
        positions: Integer tensor `(batch, tokens)`.

    Returns:
        Float tensor `(batch, tokens, dim)`.
    """

    def __init__(self, embedding, **kwargs):
        super().__init__(**kwargs)
        self.embedding = embedding
        self.built = True

    def call(self, positions):
        return lookup(self.embedding.position_embeddings, positions, name="positions")

    def compute_output_spec(self, positions):
        dim = self.embedding.position_embeddings.shape[-1]
        return keras.KerasTensor((*positions.shape, dim), dtype=self.compute_dtype)
