"""Projects words and knowledge side by side."""

import keras
from keras import ops

from kgkeras.layers.fusion import Fusion
from kgkeras.registration import serializable


@serializable
class ConcatFusion(Fusion):
    """`text + W [text; knowledge] + b` at words that have knowledge; see `Fusion` for the call.

    The residual path keeps a pretrained encoder's words as they are when training starts from a
    small `W`.
    """

    def build_weights(self, text_dim, knowledge_dim):
        self.projection = keras.layers.Dense(text_dim, name="projection", dtype=self.dtype_policy)
        self.projection.build((None, text_dim + knowledge_dim))

    def added(self, text, knowledge):
        # (batch, words, knowledge_dim): concatenation does not broadcast by itself.
        shape = (*ops.shape(text)[:-1], knowledge.shape[-1])
        return self.projection(ops.concatenate([text, ops.broadcast_to(knowledge, shape)], axis=-1))
