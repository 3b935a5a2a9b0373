"""Vectors of entities that are made of their texts and of their place in the graph."""

import contextlib
import contextvars

import keras
import numpy as np
from keras import ops

from kgkeras.checks import describe, positive_int, rate
from kgkeras.layers.embeddings import EntityEmbedding
from kgkeras.layers.fusion import Fusion
from kgkeras.ops import lookup
from kgkeras.registration import serializable

VIEWS = ("structure", "text")
# Of this thread: replicas trace their steps side by side.
_view = contextvars.ContextVar("view", default=None)


@contextlib.contextmanager
def seen_as(view):
    """Inside, a `FusedEntityEmbedding` gives what `"structure"` or `"text"` alone makes of it."""
    before = _view.set(view)
    try:
        yield
    finally:
        _view.reset(before)


@serializable
class FusedEntityEmbedding(EntityEmbedding):
    """Looks up one vector an entity: `fusion(s, P t)` of one of its own and of its text's vector.

    `t` is given and stays as it is, such as the vector of a description by a frozen encoder; `P` is
    learned, and so are the table of `s`, the structure, and the fusion, to which text is the
    knowledge. Where an entity has no structure, since no fact of it was learned, `s` is zero; so
    entities can be told by their texts.

    It is used as an `EntityEmbedding`, also where it is looked up in: by a `LinkPredictor`, or
    by a model of texts.

    Args:
        num_entities: Number of entities.
        dim: Length of a vector.
        text_vectors: Array `(num_entities, text_dim)` of `t`, float32. Not part of the
            configuration: a reloaded layer has those that were saved.
        text_dim: Length of `t`, where `text_vectors` are not given.
        structured: Array `(num_entities,)`, True where an entity has structure; all where None.
        fusion: A `layers.Fusion`; None for texts alone, `P t`.
        hidden: Units of a hidden layer of `P`; None for a linear map.
        structure_dropout: Rate at which an entity's structure is left out in training, so that
            its text has to do.
        text_dropout: Rate at which elements of `t` are dropped in training.
        **kwargs: As for `EntityEmbedding`.

    Call arguments:
        ids: Integer tensor of any shape.

    Returns:
        Float tensor `(*ids.shape, dim)`; zeros where an id is negative.

    Raises:
        ValueError: If an array has another shape, a number is out of range, or `fusion` is no
            `Fusion`.
    """

    def __init__(
        self,
        num_entities,
        dim,
        text_vectors=None,
        *,
        text_dim=None,
        structured=None,
        fusion=None,
        hidden=None,
        structure_dropout=0.0,
        text_dropout=0.0,
        **kwargs,
    ):
        super().__init__(num_entities, dim, **kwargs)
        if fusion is not None and not isinstance(fusion, Fusion):
            raise ValueError(f"`fusion` must be a layers.Fusion or None. {describe(fusion)}.")
        self._given = _given(num_entities, text_vectors, structured)
        self.text_dim = positive_int(
            "text_dim", text_dim if text_vectors is None else self._given["texts"].shape[1]
        )
        self.fusion = fusion
        self.hidden = None if hidden is None else positive_int("hidden", hidden)
        self.structure_dropout = rate("structure_dropout", structure_dropout)
        self.text_dropout = rate("text_dropout", text_dropout)
        options = {"dtype": self.dtype_policy}
        self._left_out = keras.layers.Dropout(self.structure_dropout, name="left_out", **options)
        self._text_dropout = keras.layers.Dropout(self.text_dropout, name="texts", **options)
        self._normalised = keras.layers.LayerNormalization(name="normalised", **options)
        self._hidden = None
        if self.hidden is not None:
            self._hidden = keras.layers.Dense(
                self.hidden, activation="gelu", name="hidden", **options
            )
        self._projection = keras.layers.Dense(self.dim, name="projection", **options)

    def build(self, input_shape=None):
        if self.fusion is not None:
            super().build(input_shape)
            if not self.fusion.built:  # as one is that comes from a configuration
                self.fusion.build((None, self.dim), (None, self.dim))
        self.texts = self._constant("texts", (self.rows, self.text_dim))
        self.structured = self._constant("structured", (self.rows, 1))
        self._normalised.build((None, self.text_dim))
        width = self.text_dim
        if self._hidden is not None:
            self._hidden.build((None, width))
            width = self.hidden
        self._projection.build((None, width))
        self.built = True

    def _constant(self, name, shape):
        def initial(shape, dtype=None):
            given = self._given.get(name)
            return ops.ones(shape, dtype) if given is None else ops.convert_to_tensor(given, dtype)

        return self.add_weight(
            name=name, shape=shape, initializer=initial, trainable=False, autocast=False
        )

    def call(self, ids, training=None):
        texts = lookup(self.texts, ids, name=self.ids_name)
        structure = known = None
        if self.fusion is not None:
            structure = lookup(self.table, ids, name=self.ids_name)
            known = lookup(self.structured, ids, name=self.ids_name)
        vectors = self._fused(texts, structure, known, training)
        vectors = ops.where(ops.expand_dims(ids >= 0, -1), vectors, ops.zeros((), vectors.dtype))
        return self._dropout(vectors, training=training)

    def vectors(self, training=None):
        structure = known = None
        if self.fusion is not None:
            structure, known = (ops.convert_to_tensor(v) for v in (self.table, self.structured))
        vectors = self._fused(ops.convert_to_tensor(self.texts), structure, known, training)
        return self._dropout(vectors, training=training)

    def _fused(self, texts, structure, known, training):
        """Vectors `(..., dim)` of texts `(..., text_dim)` and structure, float32 as stored."""
        texts = self._text_dropout(self._normalised(texts), training=training)
        if self._hidden is not None:
            texts = self._hidden(texts)
        texts = self._projection(texts)
        if self.fusion is None:
            return texts
        # Dropout without its scaling: a vector is there as it is, or not at all.
        there = self._left_out(ops.cast(known, self.compute_dtype), training=training) > 0
        if _view.get() == "text":
            there = ops.zeros_like(there)
        structure = ops.cast(structure, self.compute_dtype)
        structure = ops.where(there, structure, ops.zeros((), structure.dtype))
        if _view.get() == "structure":
            return structure
        # One word of one row of knowledge.
        return ops.squeeze(self.fusion(structure[..., None, :], texts[..., None, :]), -2)

    def get_config(self):
        return {
            **super().get_config(),
            "text_dim": self.text_dim,
            "fusion": keras.saving.serialize_keras_object(self.fusion),
            "hidden": self.hidden,
            "structure_dropout": self.structure_dropout,
            "text_dropout": self.text_dropout,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["fusion"] = keras.saving.deserialize_keras_object(config["fusion"])
        return cls(**config)


def _given(num_entities, text_vectors, structured):
    """The constants that were given, in the shapes of their weights."""
    given = {}
    if text_vectors is not None:
        given["texts"] = texts = np.asarray(text_vectors, dtype="float32")
        if texts.ndim != 2 or len(texts) != num_entities or not np.isfinite(texts).all():
            raise ValueError(
                f"`text_vectors` must be {num_entities} rows of finite numbers. "
                f"Received: shape {texts.shape}."
            )
    if structured is not None:
        structured = np.asarray(structured)
        if structured.shape != (num_entities,):
            raise ValueError(
                f"`structured` must have the shape ({num_entities},). "
                f"Received: shape {structured.shape}."
            )
        given["structured"] = structured.astype("float32")[:, None]
    return given
