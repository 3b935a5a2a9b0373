"""The contract of fusion layers."""

import keras
from keras import ops


class Fusion(keras.layers.Layer):
    """Brings knowledge to the words of a text.

    All fusion layers share one call signature and keep the shape of the text. A word without
    knowledge passes bit for bit. Leading axes broadcast, so knowledge of shape `(batch, 1, dim)`
    reaches every word.

    Attributes:
        candidates: False where row `i` of the knowledge belongs to word `i`; True where the words
            choose among rows that all of them see.
        weighs: True where `call(..., return_weights=True)` also returns how much knowledge enters.

    Call arguments:
        text: Float tensor `(batch, words, text_dim)`.
        knowledge: Float tensor `(batch, words, knowledge_dim)`, or `(batch, rows, knowledge_dim)`
            for a layer that chooses among candidates.
        mask: Optional boolean tensor, the shape of `knowledge` without its last axis: True where
            there is knowledge. All of it where omitted.

    Returns:
        Float tensor of the shape of `text`.

    Raises:
        ValueError: If the shapes do not fit together.
    """

    candidates = False
    weighs = False

    def build(self, text_shape, knowledge_shape):
        self.check_shapes(text_shape, knowledge_shape)
        self.build_weights(text_shape[-1], knowledge_shape[-1])

    def build_weights(self, text_dim, knowledge_dim):
        """Makes the layer's weights; called once by `build` with checked sizes."""
        raise NotImplementedError

    def call(self, text, knowledge, mask=None):
        self.check_shapes(text.shape, knowledge.shape, None if mask is None else mask.shape)
        if mask is None:
            mask = ops.ones(ops.shape(knowledge)[:-1], dtype="bool")
        added = self.added(text, knowledge)
        linked = ops.expand_dims(mask, -1)
        return text + ops.where(linked, added, ops.zeros((), added.dtype))

    def added(self, text, knowledge):
        """What is added to the words, `(batch, words, text_dim)`, as if each were linked."""
        raise NotImplementedError

    def compute_output_shape(self, text_shape, knowledge_shape):
        return text_shape

    def check_shapes(self, text_shape, knowledge_shape, mask_shape=None):
        """Raises `ValueError` unless the shapes fit together."""
        situation = f"text {tuple(text_shape)}, knowledge {tuple(knowledge_shape)}" + (
            "" if mask_shape is None else f", mask {tuple(mask_shape)}"
        )
        kind = type(self).__name__
        if len(text_shape) != len(knowledge_shape) or len(text_shape) < 2:
            raise ValueError(
                f"{kind} needs text `(batch, words, dim)` and knowledge of the same rank. "
                f"Received: {situation}."
            )
        if text_shape[-1] is None or knowledge_shape[-1] is None:
            raise ValueError(f"{kind} needs to know the last axis. Received: {situation}.")
        axes = slice(0, -2) if self.candidates else slice(0, -1)
        if not _broadcast(text_shape[axes], knowledge_shape[axes]):
            raise ValueError(
                f"{kind} cannot broadcast the knowledge to the text's words. Received: {situation}."
            )
        if mask_shape is not None and (
            len(mask_shape) != len(knowledge_shape) - 1
            or not _broadcast(knowledge_shape[:-1], mask_shape)
        ):
            raise ValueError(
                f"{kind} needs a mask of the knowledge's shape without its last axis. "
                f"Received: {situation}."
            )


def _broadcast(shape, other):
    """Whether `other` can be stretched to `shape`; unknown sizes may fit."""
    pairs = zip(shape, other, strict=True)
    return all(a is None or b is None or b in (a, 1) for a, b in pairs)
