"""Frozen encoders with something small to train: in between their layers, or beside them."""

import keras

from kgkeras.checks import describe
from kgkeras.ops.freezing import freeze
from kgkeras.registration import serializable
from kgkeras.text.layered_encoder import LayeredEncoder


class _Adapted(LayeredEncoder):
    """Base: an encoder that stays as it is, adapters, and where these are.

    The encoder is frozen for good: a reloaded model has it frozen, too.
    """

    def __init__(self, encoder, adapters, after=None, **kwargs):
        if not isinstance(encoder, LayeredEncoder):
            raise ValueError(
                "`encoder` must be a TransformerEncoder or a PretrainedEncoder. "
                f"{describe(encoder)}."
            )
        adapters = list(adapters)
        after = self._checked_places(after, len(adapters), encoder.num_layers)
        inputs = {
            "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
            "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
        }
        words = self._adapted(encoder, dict(zip(after, adapters, strict=True)), inputs)
        super().__init__(inputs, words, **kwargs)
        freeze(encoder)
        self.encoder, self.adapters, self.after = encoder, adapters, after
        self.dim, self.num_layers = int(words.shape[-1]), encoder.num_layers

    def _adapted(self, encoder, adapters, inputs, between=lambda number, words: words):
        """What the call returns, by `adapters` at their places, with others between the layers."""
        raise NotImplementedError(f"{type(self).__name__} must implement `_adapted`.")

    def encode_layers(self, between, inputs):
        adapters = dict(zip(self.after, self.adapters, strict=True))
        return self._adapted(self.encoder, adapters, inputs, between)

    def _checked_places(self, after, count, num_layers):
        after = self._places(count, num_layers) if after is None else [int(i) for i in after]
        if not count or len(after) != count:
            raise ValueError(
                "`adapters` must hold at least one layer, and `after` a number for each. "
                f"Received: {count} adapters, after={after}."
            )
        if sorted(set(after)) != after or after[0] < 0 or after[-1] > num_layers:
            raise ValueError(
                f"`after` must be ascending numbers of layers from 0 to {num_layers}. "
                f"Received: {after}."
            )
        return after

    def get_config(self):
        return {
            "name": self.name,
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "adapters": [keras.saving.serialize_keras_object(layer) for layer in self.adapters],
            "after": list(self.after),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        restore = keras.saving.deserialize_keras_object
        config["encoder"] = restore(config["encoder"])
        config["adapters"] = [restore(layer) for layer in config["adapters"]]
        return cls(**config)


@serializable
class AdaptedEncoder(_Adapted):
    """A frozen encoder with an adapter behind some or all of its layers.

    Args:
        encoder: `TransformerEncoder` or `PretrainedEncoder`; becomes frozen.
        adapters: Layers, called `(words, padding_mask)`, that keep the words' shape, such as
            `layers.Adapter`. Within a `TreeEncoder` the mask is `(batch, words, words)`, of the
            words that each may see.
        after: For each adapter, how many of the encoder's layers come before it, ascending. Where
            None, the last layers have one each.

    Call arguments:
        inputs: As for the encoder.

    Returns:
        As the encoder: `(batch, words, dim)`, zeros at padding.

    Raises:
        ValueError: If the encoder is of another kind, or `after` does not fit it.

    Reference: Houlsby et al., Parameter-efficient transfer learning for NLP, ICML 2019; Pfeiffer et
    al., AdapterFusion, EACL 2021.

    Example:
    ```python
    adapters = [layers.Adapter(64) for _ in range(encoder.num_layers)]
    model = models.JointModel(text.AdaptedEncoder(encoder, adapters), head, triples, fusion)
    ```
    """

    @property
    def token_embedding(self):
        """The layer of the tokens' vectors, which a masked language model also tells tokens by."""
        return self.encoder.token_embedding

    def _places(self, count, num_layers):
        return list(range(num_layers - count + 1, num_layers + 1))

    def _adapted(self, encoder, adapters, inputs, between=lambda number, words: words):
        mask = _seen(inputs)

        def adapt(number, words):
            if number in adapters:
                words = adapters[number](words, mask)
            return between(number, words)

        return encoder.encode_layers(adapt, inputs)


@serializable
class KAdapterEncoder(_Adapted):
    """A frozen encoder, and beside it adapters that read what its layers pass on.

    The first adapter reads the words at its place, each further one the sum of the words at its
    own place and of what the one before made: `a_j = adapter_j(h_j + a_{j-1})`. Nothing flows back
    into the encoder, whose own output stays as it is: the result is `[h; a_last]`.

    Args:
        encoder: `TransformerEncoder` or `PretrainedEncoder`; becomes frozen.
        adapters: Layers, called `(words, padding_mask)`, that keep the words' shape, such as
            `layers.TransformerAdapter`. Within a `TreeEncoder` as for `AdaptedEncoder`.
        after: For each adapter, how many of the encoder's layers come before what it reads,
            ascending. Where None, evenly spread from 0, the input of the first layer, to the input
            of the last.

    Call arguments:
        inputs: As for the encoder.

    Returns:
        Float tensor `(batch, words, 2 * encoder.dim)`, zeros at padding.

    Raises:
        ValueError: If the encoder is of another kind, or `after` does not fit it.

    Reference: Wang et al., K-Adapter: Infusing Knowledge into Pre-Trained Models with Adapters,
    Findings of ACL 2021.

    Example:
    ```python
    adapters = [layers.TransformerAdapter(96) for _ in range(3)]
    model = models.JointModel(text.KAdapterEncoder(encoder, adapters), head, triples, fusion)
    ```
    """

    def _places(self, count, num_layers):
        return [round(i * (num_layers - 1) / max(count - 1, 1)) for i in range(count)]

    def _adapted(self, encoder, adapters, inputs, between=lambda number, words: words):
        mask, seen = inputs["padding_mask"], _seen(inputs)
        told = []

        def read(number, words):
            words = between(number, words)
            if number in adapters:
                told.append(adapters[number](words + told[-1] if told else words, seen))
            return words

        words = encoder.encode_layers(read, inputs)
        told = keras.ops.where(
            keras.ops.expand_dims(mask, -1), told[-1], keras.ops.zeros((), told[-1].dtype)
        )
        return keras.layers.Concatenate(name="words")([words, told])


def _seen(inputs):
    """What adapters may look at: all words, or of each word those that the layers look at."""
    mask = inputs["padding_mask"]
    if "attention_mask" not in inputs:
        return mask
    return keras.ops.logical_and(inputs["attention_mask"], keras.ops.expand_dims(mask, 1))
