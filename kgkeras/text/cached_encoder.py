"""The upper layers of an encoder, over what its lower layers made of known texts."""

import keras
import numpy as np
from keras import ops

from kgkeras.checks import describe, one_of, positive_int
from kgkeras.text.adapted_encoder import AdaptedEncoder, KAdapterEncoder
from kgkeras.text.layered_encoder import LayeredEncoder
from kgkeras.text.pretrained import PretrainedEncoder
from kgkeras.text.transformer_encoder import TransformerEncoder

_KINDS = (AdaptedEncoder, KAdapterEncoder, PretrainedEncoder, TransformerEncoder)
# Rows are read beside those of about their length, up to a multiple of it.
_LENGTH_STEP = 8


class CachedEncoder(keras.Model):
    """Encodes texts that the lower, frozen layers of an encoder have read once and for all.

    Lower layers that are not trained give the same words' vectors in each epoch. Here they are kept
    (without dropout, on one device) and looked up: a step costs the upper layers alone. These are
    the encoder's own; what they learn is learned there, too, and it is the encoder that is saved.
    `pipelines.TripleTexts.cached` makes one for the texts of a graph.

    Args:
        encoder: `text.LayeredEncoder`, such as `PretrainedEncoder`.
        after: How many layers are read once, from 1 to all but one.
        token_ids: Integer array `(texts, tokens)`.
        lengths: Integer array `(texts,)`: how many of them are tokens, not padding.
        batch_size: Texts to read at a time.
        cache_dtype: Of the vectors that are kept: "float16" or "float32".

    Call arguments:
        inputs: Dict of `token_ids`, int `(batch, tokens)`, which here are places of tokens in all
            texts behind each other, as `places` has them, and `padding_mask`, bool `(batch,
            tokens)`: True at tokens.

    Returns:
        Float tensor `(batch, tokens, dim)`, as the encoder; the same numbers, but for the rounding
        of the cache, where a row is one of the texts. Where tokens of several texts stand in one
        row, each text was read by itself, at its own positions: they see each other in the upper
        layers only, and the encoder gives other numbers.

    Raises:
        ValueError: If the encoder is of another kind, `after` leaves no layer to read or to train,
            shapes do not fit, or `cache_dtype` is another one or too small.
    """

    def __init__(
        self, encoder, after, token_ids, lengths, *, batch_size=256, cache_dtype="float16", **kwargs
    ):
        _check(encoder, after, token_ids, lengths)
        cache_dtype = one_of("cache_dtype", cache_dtype, ("float16", "float32"))
        batch_size = positive_int("batch_size", batch_size)
        words = _read(_lower(encoder, after), token_ids, lengths, batch_size, cache_dtype)
        cache = _Cache(words, dtype=encoder.compute_dtype, name="cache")
        inputs = _inputs()
        # What comes before the cache does not lead to the output, so it is no part of this model.
        output = encoder.encode_layers(
            lambda number, words: cache(inputs["token_ids"]) if number == after else words, inputs
        )
        super().__init__(inputs, output, **kwargs)
        self.dim = encoder.dim

    @staticmethod
    def places(lengths, width):
        """Int32 `(texts, width)`: where the tokens of texts stand in all texts behind each other.

        Args:
            lengths: Integer array `(texts,)`.
            width: Columns; what is behind a text's last token is 0.
        """
        lengths = np.asarray(lengths, dtype="int64")
        column = np.arange(width)
        places = (np.cumsum(lengths) - lengths)[:, None] + column
        return np.where(column < lengths[:, None], places, 0).astype("int32")

    def get_config(self):
        raise NotImplementedError(
            "A CachedEncoder holds the words of certain texts and is not saved. Save the encoder "
            "that it was made of: it has the same layers."
        )


class _Cache(keras.layers.Layer):
    """Looks vectors of words up. They are no weights: no checkpoint holds them."""

    def __init__(self, words, **kwargs):
        super().__init__(**kwargs)
        self._words = ops.convert_to_tensor(words)

    def call(self, places):
        return ops.cast(ops.take(self._words, places, axis=0), self.compute_dtype)


def _inputs():
    return {
        "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
        "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
    }


def _lower(encoder, after):
    """A model from an encoder's inputs to the words behind its lower layers."""
    passed, inputs = {}, _inputs()

    def look(number, words):
        passed[number] = words
        return words

    encoder.encode_layers(look, inputs)
    model = keras.Model(inputs, passed[after], name="lower_layers")
    # Texts are of many lengths: XLA would compile for each.
    model.supports_jit = False
    return model


def _read(model, token_ids, lengths, batch_size, dtype):
    """Vectors `(tokens of all texts, dim)`."""
    token_ids, lengths = np.asarray(token_ids, "int32"), np.asarray(lengths, "int64")
    first = np.cumsum(lengths) - lengths
    words = np.empty((int(lengths.sum()), model.output.shape[-1]), dtype)
    widths = np.minimum(-(-lengths // _LENGTH_STEP) * _LENGTH_STEP, token_ids.shape[1])
    for width in np.unique(widths):
        rows = np.flatnonzero(widths == width)
        for start in range(0, len(rows), 64 * batch_size):  # Few, as they are in full precision.
            chosen = rows[start : start + 64 * batch_size]
            there = np.arange(width) < lengths[chosen, None]
            inputs = {"token_ids": token_ids[chosen, :width], "padding_mask": there}
            found = model.predict(inputs, batch_size=batch_size, verbose=0)
            words[(first[chosen, None] + np.arange(width))[there]] = found[there]
    if not np.isfinite(words).all():
        raise ValueError(f"`cache_dtype` must hold the words' vectors. Received: {dtype!r}.")
    return words


def _check(encoder, after, token_ids, lengths):
    if not isinstance(encoder, LayeredEncoder):
        raise ValueError(
            f"`encoder` must have Transformer layers, as a LayeredEncoder. {describe(encoder)}."
        )
    kept = [place for place in getattr(encoder, "after", ()) if place <= after]
    if kept or not isinstance(encoder, _KINDS):
        raise ValueError(
            "`encoder` must be a TransformerEncoder, a PretrainedEncoder, or one of these with "
            f"adapters behind the layers that are read once. {describe(encoder)}."
        )
    if isinstance(after, bool) or after not in range(1, encoder.num_layers):
        raise ValueError(
            f"`after` must be a number of layers from 1 to {encoder.num_layers - 1}. "
            f"{describe(after)}."
        )
    shape, number = np.shape(token_ids), np.shape(lengths)
    fits = len(shape) == 2 and shape[0] > 0 and number == shape[:1]
    if not fits or not 1 <= np.min(lengths) <= np.max(lengths) <= shape[1]:
        span = f" from {np.min(lengths)} to {np.max(lengths)}" if np.size(lengths) else ""
        raise ValueError(
            "`token_ids` must be (texts, tokens), at least one text, and `lengths` (texts,) from 1 "
            f"to `tokens`. Received: shapes {shape} and {number}, lengths{span}."
        )
