"""What encoders have in common whose words pass one Transformer layer after another."""

import keras

from kgkeras.checks import describe
from kgkeras.ops.freezing import freeze


class LayeredEncoder(keras.Model):
    """Base of encoders that let others look and reach between their layers.

    Attributes:
        num_layers: Number of Transformer layers.
        dim: Length of a word's vector.
    """

    def encode_layers(self, between, inputs):
        """The call with a look at the words before and behind each Transformer layer.

        Args:
            between: Function `(number, words)` that returns the words to go on with, called with
                how many layers they have passed: 0 to `num_layers`.
            inputs: As in the call, symbolic or not. May also hold `positions`, int `(batch,
                tokens)`, where the tokens stand, and `attention_mask`, bool `(batch, tokens,
                tokens)`, True where the first looks at the second.

        Returns:
            As the call.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `encode_layers`.")

    def encode_with(self, change, after, inputs):
        """The call with something done to the words on the way, by the same layers.

        Args:
            change: Function from the words' vectors, `(batch, tokens, dim)`, to others, such as one
                that brings in knowledge.
            after: Number of layers before it, below `num_layers`; 0 for the input of the first.
            inputs: As in the call, symbolic or not.

        Returns:
            As the call.

        Raises:
            ValueError: If no layer comes after it.
        """
        if isinstance(after, bool) or after not in range(self.num_layers):
            raise ValueError(
                f"`after` must be a number of layers from 0 to {self.num_layers - 1}. "
                f"{describe(after)}."
            )
        return self.encode_layers(
            lambda number, words: change(words) if number == after else words, inputs
        )


def frozen_layers(model):
    """Names of the layers of a functional model that have weights and are frozen."""
    return [layer.name for layer in model.layers if layer.weights and not layer.trainable]


def freeze_layers(model, names):
    """Freezes the layers of these names, with all that is inside."""
    for name in names:
        freeze(model.get_layer(name))
