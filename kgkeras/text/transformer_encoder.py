"""A Transformer over tokens, to be trained from scratch."""

import functools

import keras
import keras_hub
from keras import ops

from kgkeras.checks import positive_int, rate
from kgkeras.registration import serializable
from kgkeras.text.layered_encoder import LayeredEncoder, freeze_layers, frozen_layers
from kgkeras.text.own_positions import OwnPositions
from kgkeras.text.token_embedding import TokenEmbedding
from kgkeras.text.transformer_layer import transformer_layer


@serializable
class TransformerEncoder(LayeredEncoder):
    """Encodes tokens with self-attention.

    Layers normalise before attention and before the feed-forward part (of width `4 * dim`), which
    trains without a warm-up of the learning rate.

    Args:
        vocabulary_size: Number of tokens.
        dim: Length of the output vectors, a multiple of `num_heads`.
        num_layers: Number of layers.
        num_heads: Number of attention heads.
        max_length: Most tokens in a row; the position embedding refuses a longer one.
        dropout: Rate at which elements are dropped in training.
        dtype: Keras dtype or policy of all layers.

    Call arguments:
        inputs: dict of `token_ids`, int `(batch, tokens)`, and `padding_mask`, bool
            `(batch, tokens)`: True at tokens. A row may be all padding.

    Returns:
        Float tensor `(batch, tokens, dim)`, zeros at padding.

    Raises:
        ValueError: If a size is not a positive integer, `dim` is not a multiple of `num_heads`,
            or `dropout` is not a rate.

    Reference: Vaswani et al., "Attention is all you need", 2017; Xiong et al., "On layer
    normalization in the Transformer architecture", 2020.
    """

    def __init__(
        self,
        vocabulary_size,
        dim,
        num_layers=2,
        num_heads=4,
        max_length=512,
        dropout=0.1,
        dtype=None,
        **kwargs,
    ):
        policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
        config = {
            "vocabulary_size": positive_int("vocabulary_size", vocabulary_size),
            "dim": positive_int("dim", dim),
            "num_layers": positive_int("num_layers", num_layers),
            "num_heads": positive_int("num_heads", num_heads),
            "max_length": positive_int("max_length", max_length),
            "dropout": rate("dropout", dropout),
        }
        if dim % num_heads:
            raise ValueError(
                "`dim` must be a multiple of `num_heads`. "
                f"Received: dim={dim}, num_heads={num_heads}."
            )

        inputs = {
            "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
            "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
        }
        layer = functools.partial(_new_layer, **config, dtype=policy)
        super().__init__(inputs, _encoded(inputs, num_layers, layer), **kwargs)
        self.dtype_policy = policy  # Functional models take none.

        self._arguments = config
        self.dim, self.num_layers = config["dim"], config["num_layers"]
        self.max_length = config["max_length"]

    @property
    def token_embedding(self):
        """The layer of the tokens' vectors, which a masked language model also tells tokens by."""
        return self.get_layer("token_embedding")

    def encode_layers(self, between, inputs):
        return _encoded(inputs, self.num_layers, self.get_layer, between)

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "frozen": frozen_layers(self),
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            **self._arguments,
        }

    @classmethod
    def from_config(cls, config):
        frozen = config.get("frozen", ())
        encoder = cls(**{name: value for name, value in config.items() if name != "frozen"})
        freeze_layers(encoder, frozen)
        return encoder


def _new_layer(name, vocabulary_size, dim, num_layers, num_heads, max_length, dropout, dtype):
    options = {"name": name, "dtype": dtype}
    if name == "token_embedding":
        return TokenEmbedding(vocabulary_size, dim, **options)
    if name == "position_embedding":
        return keras_hub.layers.PositionEmbedding(max_length, initializer="uniform", **options)
    if name == "embedding_dropout":
        return keras.layers.Dropout(dropout, **options)
    if name == "normalisation":
        return keras.layers.LayerNormalization(**options)
    return transformer_layer(dim, num_heads, dropout, **options)


def _encoded(inputs, num_layers, layer, between=lambda number, words: words):
    """What the encoder returns.

    Args:
        inputs: As in its call.
        num_layers: Its number of Transformer layers.
        layer: Function from a name to a layer, old or new, which is called once a name, in order.
        between: What is done to the words between layers, as in `encode_layers`.
    """
    tokens = layer("token_embedding")(inputs["token_ids"])
    if "positions" in inputs:
        embedding = layer("position_embedding")
        positions = OwnPositions(embedding, dtype=embedding.dtype_policy)(inputs["positions"])
    else:
        positions = layer("position_embedding")(tokens)
    x = layer("embedding_dropout")(tokens + positions)
    for number in range(num_layers):
        x = between(number, x)
        x = layer(f"layer_{number}")(
            x,
            padding_mask=inputs["padding_mask"],
            attention_mask=inputs.get("attention_mask"),
        )
    x = layer("normalisation")(between(num_layers, x))
    return ops.where(ops.expand_dims(inputs["padding_mask"], -1), x, ops.zeros((), x.dtype))
