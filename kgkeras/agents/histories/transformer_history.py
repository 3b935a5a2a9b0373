"""What a walker remembers of its way: all its steps, which attention chooses from."""

import keras
import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.registration import serializable


@serializable
class TransformerHistory(keras.layers.Layer):
    """Reads the way as a sequence; the newest step attends to all steps before it.

    Args:
        dim: Length of the vector that tells the way, a multiple of `num_heads`.
        num_heads: Number of attention heads.
        num_layers: Number of blocks of attention and feed-forward network.
        max_steps: Longest way, the start included.

    Call arguments:
        step: Float tensor `(walkers, d)`: the newest relation and entity.
        state: What the call before has returned, or `initial(walkers)`.

    Returns:
        `(vector, state)`: the way so far, `(walkers, dim)`, and the new state.

    Raises:
        ValueError: If a size is not a positive integer, or the heads do not fill `dim`.

    Reference: Vaswani et al., Attention Is All You Need, NeurIPS 2017.
    """

    def __init__(self, dim, num_heads=4, num_layers=1, max_steps=8, **kwargs):
        super().__init__(**kwargs)
        self.dim = positive_int("dim", dim)
        self.num_heads = positive_int("num_heads", num_heads)
        self.num_layers = positive_int("num_layers", num_layers)
        self.max_steps = positive_int("max_steps", max_steps)
        if dim % num_heads:
            raise ValueError(
                f"`dim` must be a multiple of `num_heads`. Received: {dim} and {num_heads}."
            )
        own = {"dtype": self.dtype_policy}
        self.project = keras.layers.Dense(dim, name="project", **own)
        self.blocks = [_Block(dim, num_heads, name=f"block_{i}", **own) for i in range(num_layers)]

    def build(self, step_shape):
        self.project.build(step_shape)
        self.places = self.add_weight(
            name="places", shape=(self.max_steps, self.dim), initializer="glorot_uniform"
        )
        for block in self.blocks:
            block.build((None, None, self.dim))
        self.built = True

    def initial(self, walkers):
        """The state of walkers that have not begun."""
        # One tensor a block: what its attention reads.
        none = tf.zeros((walkers, 0, self.dim), self.compute_dtype)
        return {f"steps_{i}": none for i in range(self.num_layers)}

    def call(self, step, state):
        place = state["steps_0"].shape[1]
        if place >= self.max_steps:
            raise ValueError(
                f"`max_steps` must not be below the steps of a walk. Received: {self.max_steps}."
            )
        vector = (self.project(step) + self.places[place])[:, None, :]
        new = {}
        for i, block in enumerate(self.blocks):
            new[f"steps_{i}"] = tf.concat([state[f"steps_{i}"], vector], axis=1)
            vector = block(vector, new[f"steps_{i}"])
        return vector[:, 0], new

    def get_config(self):
        names = ("dim", "num_heads", "num_layers", "max_steps")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class _Block(keras.layers.Layer):
    """Attention of the newest step to all, then a feed-forward network; normalised before each."""

    def __init__(self, dim, num_heads, **kwargs):
        super().__init__(**kwargs)
        own = {"dtype": self.dtype_policy}
        self.attention = keras.layers.MultiHeadAttention(num_heads, dim // num_heads, **own)
        self.norms = [keras.layers.LayerNormalization(**own) for _ in range(2)]
        self.widen = keras.layers.Dense(2 * dim, activation="gelu", **own)
        self.narrow = keras.layers.Dense(dim, **own)

    def build(self, shape):
        for norm in self.norms:
            norm.build(shape)
        self.attention.build(shape, shape)
        self.widen.build(shape)
        self.narrow.build((*shape[:-1], self.widen.units))
        self.built = True

    def call(self, newest, steps):
        first, second = self.norms
        newest = newest + self.attention(first(newest), first(steps))
        return newest + self.narrow(self.widen(second(newest)))
