"""A bidirectional LSTM over tokens: small, quick to train on a CPU."""

import keras
import tensorflow as tf
from keras import ops

from kgkeras.checks import positive_int, rate
from kgkeras.registration import serializable
from kgkeras.text.token_embedding import TokenEmbedding


class _Reversed(keras.layers.Layer):
    """Each sequence read backwards, its padding left at the end.

    Then neither direction needs a mask: Keras' masked LSTM is slower, and on a GPU its kernel
    refuses a row that is all padding.
    """

    def call(self, sequence, lengths):
        return tf.reverse_sequence(sequence, lengths, seq_axis=1, batch_axis=0)

    def compute_output_shape(self, sequence_shape, lengths_shape):
        return sequence_shape


@serializable
class LSTMEncoder(keras.Model):
    """Encodes tokens with a stack of bidirectional LSTMs.

    Args:
        vocabulary_size: Number of tokens.
        dim: Length of the output vectors, even: each direction makes one half.
        num_layers: Number of LSTMs on top of one another.
        dropout: Rate at which embeddings and the outputs of each layer are dropped in training.
        dtype: Keras dtype or policy of all layers.

    Call arguments:
        inputs: dict of `token_ids`, int `(batch, tokens)`, and `padding_mask`, bool
            `(batch, tokens)`: True at tokens, which come before all padding. A row may be all
            padding.

    Returns:
        Float tensor `(batch, tokens, dim)`, zeros at padding.

    Raises:
        ValueError: If a size is not a positive integer, `dim` is odd, or `dropout` not a rate.

    Reference: Hochreiter and Schmidhuber, 1997; Schuster and Paliwal, 1997.
    """

    def __init__(self, vocabulary_size, dim, num_layers=1, dropout=0.0, dtype=None, **kwargs):
        options = {"dtype": keras.dtype_policies.get(dtype or keras.config.dtype_policy())}
        vocabulary_size = positive_int("vocabulary_size", vocabulary_size)
        dim = positive_int("dim", dim)
        num_layers = positive_int("num_layers", num_layers)
        dropout = rate("dropout", dropout)
        if dim % 2:
            raise ValueError(f"`dim` must be even, one half a direction. Received: dim={dim}.")

        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((None,), dtype="bool", name="padding_mask")
        lengths = ops.sum(ops.cast(padding_mask, "int32"), axis=1)
        reverse = _Reversed(name="reversed", **options)
        x = TokenEmbedding(vocabulary_size, dim, name="token_embedding", **options)(token_ids)
        x = keras.layers.Dropout(dropout, name="embedding_dropout", **options)(x)
        for layer in range(num_layers):
            forward, backward = (
                keras.layers.LSTM(
                    dim // 2, return_sequences=True, name=f"{direction}_{layer}", **options
                )
                for direction in ("forward", "backward")
            )
            x = ops.concatenate(
                [forward(x), reverse(backward(reverse(x, lengths)), lengths)], axis=-1
            )
            x = keras.layers.Dropout(dropout, name=f"dropout_{layer}", **options)(x)
        x = ops.where(ops.expand_dims(padding_mask, -1), x, ops.zeros((), x.dtype))
        inputs = {"token_ids": token_ids, "padding_mask": padding_mask}
        super().__init__(inputs, x, **kwargs)
        self.dtype_policy = options["dtype"]  # Functional models take none.

        self.vocabulary_size = vocabulary_size
        self.dim = dim
        self.num_layers = num_layers
        self.dropout = dropout

    @property
    def token_embedding(self):
        """The layer of the tokens' vectors, which a masked language model also tells tokens by."""
        return self.get_layer("token_embedding")

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "vocabulary_size": self.vocabulary_size,
            "dim": self.dim,
            "num_layers": self.num_layers,
            "dropout": self.dropout,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
        }
