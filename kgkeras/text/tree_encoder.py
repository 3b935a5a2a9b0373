"""Encodes a text with facts in its branches, each seen from where it belongs."""

import keras
from keras import ops

from kgkeras.checks import describe
from kgkeras.registration import serializable
from kgkeras.text.layered_encoder import LayeredEncoder

INPUTS = {
    "token_ids": "int32",
    "padding_mask": "bool",
    "positions": "int32",
    "branches": "int32",
    "mentions": "int32",
}


@serializable
class TreeEncoder(LayeredEncoder):
    """Reads what `text.VerbalizedTriples` makes of a text, by the layers of an encoder.

    Tokens have the positions of their own reading, and attend to what they may see: the words of
    the text see each other and, where they name an entity, the facts about it; a fact sees itself
    and the words that name its entity. So facts change what is known, not what is said: a text
    without mentions is encoded as by `encoder`.

    Args:
        encoder: `text.TransformerEncoder`, `PretrainedEncoder`, `AdaptedEncoder` or
            `KAdapterEncoder`.

    Call arguments:
        inputs: Dict of `token_ids`, `positions`, `branches` and `mentions`, int `(batch, tokens)`,
            and `padding_mask`, bool `(batch, tokens)`: True at tokens.

    Returns:
        Float tensor `(batch, tokens, dim)`, zeros at padding.

    Raises:
        ValueError: If `encoder` has no layers to reach between.

    Reference: Liu et al., K-BERT, AAAI 2020.

    Example:
    ```python
    encoder, tokenizer = text.load_encoder("bert_base_en")
    linker = text.DictionaryLinker.from_graph(graph)
    reads = text.VerbalizedTriples(text.Preprocessor(tokenizer, linker), graph)
    model = models.JointModel(text.TreeEncoder(encoder), layers.ClassificationHead(2))
    inputs = pipelines.encode_texts(reads, texts)
    ```
    """

    def __init__(self, encoder, **kwargs):
        if not isinstance(encoder, LayeredEncoder) or isinstance(encoder, TreeEncoder):
            raise ValueError(f"`encoder` must have layers to reach between. {describe(encoder)}.")
        inputs = {
            name: keras.Input((None,), dtype=dtype, name=name) for name, dtype in INPUTS.items()
        }
        super().__init__(inputs, _encoded(encoder, inputs), **kwargs)
        self.encoder = encoder
        self.dim, self.num_layers = encoder.dim, encoder.num_layers

    @property
    def token_embedding(self):
        """The layer of the tokens' vectors."""
        return self.encoder.token_embedding

    def encode_layers(self, between, inputs):
        return _encoded(self.encoder, inputs, between)

    def get_config(self):
        return {"encoder": keras.saving.serialize_keras_object(self.encoder), "name": self.name}

    @classmethod
    def from_config(cls, config):
        encoder = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(encoder, name=config["name"])


def _encoded(encoder, inputs, between=lambda number, words: words):
    seen = visible(inputs["branches"], inputs["mentions"])
    return encoder.encode_layers(
        between,
        {
            "token_ids": inputs["token_ids"],
            "padding_mask": inputs["padding_mask"],
            "positions": inputs["positions"],
            "attention_mask": seen,
        },
    )


def visible(branches, mentions):
    """Which tokens see which: bool `(batch, tokens, tokens)`, symmetric.

    Args:
        branches: Integer tensor `(batch, tokens)`, 0 in the text.
        mentions: Integer tensor `(batch, tokens)`, -1 where there is none.
    """
    here, there = ops.expand_dims(branches, 2), ops.expand_dims(branches, 1)
    one, other = ops.expand_dims(mentions, 2), ops.expand_dims(mentions, 1)
    named = ops.logical_and(ops.equal(one, other), one >= 0)
    in_text = ops.logical_or(ops.equal(here, 0), ops.equal(there, 0))
    return ops.logical_or(ops.equal(here, there), ops.logical_and(named, in_text))
