"""What a walker remembers of its way: the state of an LSTM."""

import keras
import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.registration import serializable


@serializable
class LSTMHistory(keras.layers.Layer):
    """Reads the relations that a walker has followed and the entities it has come to.

    A history encoder has `dim`, `initial(walkers)` and a call; its state is a dict of tensors with
    the walkers first, so that beam search may choose among them.

    Args:
        dim: Length of the vector that tells the way.
        num_layers: Number of LSTMs on top of one another.

    Call arguments:
        step: Float tensor `(walkers, d)`: the newest relation and entity.
        state: What the call before has returned, or `initial(walkers)`.

    Returns:
        `(vector, state)`: the way so far, `(walkers, dim)`, and the new state.

    Raises:
        ValueError: If a size is not a positive integer.
    """

    def __init__(self, dim, num_layers=1, **kwargs):
        super().__init__(**kwargs)
        self.dim = positive_int("dim", dim)
        self.num_layers = positive_int("num_layers", num_layers)
        self.cells = [
            keras.layers.LSTMCell(dim, dtype=self.dtype_policy, name=f"cell_{i}")
            for i in range(num_layers)
        ]

    def build(self, step_shape):
        for cell in self.cells:
            cell.build(step_shape)
            step_shape = (*step_shape[:-1], self.dim)
        self.built = True

    def initial(self, walkers):
        """The state of walkers that have not begun."""
        zeros = tf.zeros((walkers, self.dim), self.compute_dtype)
        return {f"{part}_{i}": zeros for i in range(self.num_layers) for part in ("hidden", "cell")}

    def call(self, step, state):
        new = {}
        for i, cell in enumerate(self.cells):
            states = [state[f"hidden_{i}"], state[f"cell_{i}"]]
            step, (new[f"hidden_{i}"], new[f"cell_{i}"]) = cell(step, states)
        return step, new

    def get_config(self):
        return {**super().get_config(), "dim": self.dim, "num_layers": self.num_layers}
