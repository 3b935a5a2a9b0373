"""Adds projected knowledge to the words."""

import keras

from kgkeras.layers.fusion import Fusion
from kgkeras.registration import serializable


@serializable
class SumFusion(Fusion):
    """`text + W knowledge` at words that have knowledge; see `Fusion` for the call."""

    def build_weights(self, text_dim, knowledge_dim):
        self.projection = keras.layers.Dense(text_dim, name="projection", dtype=self.dtype_policy)
        self.projection.build((None, knowledge_dim))

    def added(self, text, knowledge):
        return self.projection(knowledge)
