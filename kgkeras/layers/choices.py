"""The choices of questions as rows of their own, and their scores as rows of choices again."""

import keras
from keras import ops

from kgkeras.registration import serializable


@serializable
class ChoiceRows(keras.layers.Layer):
    """Makes each choice a row of its own: `(batch, choices, words)` to `(batch * choices, words)`.

    For layers that read one text a row.
    """

    def call(self, column):
        return ops.reshape(column, (-1, ops.shape(column)[-1]))

    def compute_output_spec(self, column):
        return keras.KerasTensor((None, column.shape[-1]), dtype=column.dtype)


@serializable
class RowChoices(keras.layers.Layer):
    """Puts the scores of a question's choices side by side: the way back from `ChoiceRows`.

    Call arguments:
        scores: Tensor `(batch * choices, 1)`.
        column: What `ChoiceRows` was given, `(batch, choices, words)`.

    Returns:
        Tensor `(batch, choices)`.
    """

    def call(self, scores, column):
        return ops.reshape(scores, (-1, ops.shape(column)[1]))

    def compute_output_spec(self, scores, column):
        return keras.KerasTensor(column.shape[:2], dtype=scores.dtype)
