"""Turns a text's vector into the logits of classes."""

import keras
from keras import ops

from kgkeras.checks import one_of, positive_int, rate
from kgkeras.registration import serializable

KINDS = ("multiclass", "multilabel", "binary")


@serializable
class ClassificationHead(keras.layers.Layer):
    """One hidden layer, then a logit a class.

    Args:
        num_classes: Number of classes; 1 where `kind` is binary.
        kind: `"multiclass"` (one class is right), `"multilabel"` (any number of them is) or
            `"binary"` (one logit: yes or no).
        hidden_dim: Length of the hidden layer; no hidden layer where None.
        dropout: Rate before the last layer.

    Call arguments:
        features: Float tensor `(..., dim)`.

    Returns:
        Float tensor `(..., num_classes)`: logits.
    """

    def __init__(self, num_classes, kind="multiclass", hidden_dim=None, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = positive_int("num_classes", num_classes)
        self.kind = one_of("kind", kind, KINDS)
        if kind == "binary" and num_classes != 1:
            raise ValueError(
                f"A binary head has one logit: `num_classes` must be 1. Received: {num_classes}."
            )
        self.hidden_dim = None if hidden_dim is None else positive_int("hidden_dim", hidden_dim)
        self.dropout = rate("dropout", dropout)

    def build(self, features_shape):
        dim = features_shape[-1]
        self._dropout = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.hidden = None
        if self.hidden_dim is not None:
            self.hidden = keras.layers.Dense(
                self.hidden_dim, activation="gelu", name="hidden", dtype=self.dtype_policy
            )
            self.hidden.build((None, dim))
            dim = self.hidden_dim
        # Logits in float32 also under mixed precision: losses need the digits.
        self.logits = keras.layers.Dense(self.num_classes, name="logits", dtype="float32")
        self.logits.build((None, dim))

    def call(self, features, training=None):
        if self.hidden is not None:
            features = self.hidden(features)
        return self.logits(self._dropout(features, training=training))

    def probabilities(self, logits):
        """Probabilities of the shape of `logits`: over classes, or of each class by itself."""
        return ops.softmax(logits) if self.kind == "multiclass" else ops.sigmoid(logits)

    def loss(self):
        """The Keras loss that fits these logits."""
        if self.kind == "multiclass":
            return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return keras.losses.BinaryCrossentropy(from_logits=True)

    def accuracy(self):
        """The Keras accuracy metric that fits these logits."""
        if self.kind == "multiclass":
            return keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        return keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)

    def compute_output_shape(self, features_shape):
        return (*features_shape[:-1], self.num_classes)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "kind": self.kind,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
        }
