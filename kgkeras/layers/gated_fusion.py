"""A gate decides, element by element, how much knowledge enters a word."""

import keras
from keras import ops

from kgkeras.layers.fusion import Fusion
from kgkeras.registration import serializable


@serializable
class GatedFusion(Fusion):
    """`text + g * tanh(W knowledge)` with `g = sigmoid(U [text; tanh(W knowledge)] + b)`.

    The residual form loses nothing at words without knowledge, where a convex mixture would
    shrink the text. The gate starts almost closed, so training starts from the text model.

    Args:
        initial_bias: Where the gate's bias `b` starts; -2 opens it by 12 %.

    `call(..., return_weights=True)` returns the pair (output, gate), where the gate is
    `(batch, words)`: the mean over its elements, 0 at words without knowledge. See `Fusion`.
    """

    weighs = True

    def __init__(self, initial_bias=-2.0, **kwargs):
        super().__init__(**kwargs)
        self.initial_bias = float(initial_bias)

    def build_weights(self, text_dim, knowledge_dim):
        self.projection = keras.layers.Dense(
            text_dim, activation="tanh", name="projection", dtype=self.dtype_policy
        )
        self.projection.build((None, knowledge_dim))
        self.gate = keras.layers.Dense(
            text_dim,
            activation="sigmoid",
            bias_initializer=keras.initializers.Constant(self.initial_bias),
            name="gate",
            dtype=self.dtype_policy,
        )
        self.gate.build((None, 2 * text_dim))

    def call(self, text, knowledge, mask=None, return_weights=False):
        fused = super().call(text, knowledge, mask)
        if not return_weights:
            return fused
        weights = ops.mean(self._gate_and_projected(text, knowledge)[0], axis=-1)
        if mask is not None:
            weights = ops.where(mask, weights, ops.zeros((), weights.dtype))
        return fused, weights

    def added(self, text, knowledge):
        gate, projected = self._gate_and_projected(text, knowledge)
        return gate * projected

    def _gate_and_projected(self, text, knowledge):
        projected = ops.broadcast_to(self.projection(knowledge), ops.shape(text))
        return self.gate(ops.concatenate([text, projected], axis=-1)), projected

    def compute_output_spec(self, text, knowledge, mask=None, return_weights=False):
        fused = keras.KerasTensor(text.shape, dtype=self.compute_dtype)
        if not return_weights:
            return fused
        return fused, keras.KerasTensor(text.shape[:-1], dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "initial_bias": self.initial_bias}
