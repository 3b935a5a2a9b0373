"""The states at marked places."""

import keras
from keras import ops

from kgkeras.checks import describe
from kgkeras.registration import serializable


@serializable
class TokenPooling(keras.layers.Layer):
    """Concatenates the states at the first occurrence of each of some tokens.

    With the ids of entity markers this is the "entity start" representation of a relation between
    two nominals; with the id of the start token it is the usual sentence vector. A token that
    does not occur gives zeros.

    Args:
        ids: Token ids, at least one.

    Call arguments:
        text: Float tensor `(batch, words, dim)`.
        token_ids: Integer tensor `(batch, words)`.
        padding_mask: Boolean tensor `(batch, words)`: True at words, False at padding.

    Returns:
        Float tensor `(batch, len(ids) * dim)`.

    Reference: Baldini Soares et al., Matching the Blanks, ACL 2019.
    """

    def __init__(self, ids, **kwargs):
        super().__init__(**kwargs)
        self.ids = tuple(int(i) for i in ids)
        if not self.ids:
            raise ValueError(f"`ids` must hold at least one token id. {describe(ids)}.")

    def call(self, text, token_ids, padding_mask):
        # `found` has a row of words for each id.
        wanted = ops.reshape(ops.convert_to_tensor(self.ids, token_ids.dtype), (1, -1, 1))
        found = ops.logical_and(
            ops.expand_dims(token_ids, 1) == wanted, ops.expand_dims(padding_mask, 1)
        )
        found = ops.cast(found, "int32")
        first = ops.logical_and(found == 1, ops.cumsum(found, axis=-1) == 1)
        states = ops.matmul(ops.cast(first, text.dtype), text)
        return ops.reshape(states, (-1, len(self.ids) * text.shape[-1]))

    def compute_output_shape(self, text_shape, token_ids_shape, padding_mask_shape):
        return (text_shape[0], len(self.ids) * text_shape[-1])

    def get_config(self):
        return {**super().get_config(), "ids": self.ids}
