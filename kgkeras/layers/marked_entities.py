"""The entities between marks of a text."""

import keras
from keras import ops

from kgkeras.checks import describe
from kgkeras.registration import serializable


@serializable
class MarkedEntities(keras.layers.Layer):
    """Picks the entity of each marked mention out of the ids at each word.

    A mention reaches from the first token that opens it to the first that closes it. Of several
    entities in it the last one counts, which in English is the one meant: a "stone church" is a
    church. The entity of the first marks is always in the first column, whatever stands first in
    the text.

    Args:
        marks: Token ids in pairs that open and close, such as the `marker_ids` of a tokenizer with
            the markers `("<e1>", "</e1>", "<e2>", "</e2>")`.

    Call arguments:
        token_ids: Integer tensor `(batch, words)`.
        entity_ids: Integer tensor `(batch, words)`, negative for no entity.

    Returns:
        Integer tensor `(batch, pairs of marks)`, -1 where a mention has no entity or is missing.

    Raises:
        ValueError: If `marks` are not pairs of different ids.
    """

    def __init__(self, marks, **kwargs):
        super().__init__(**kwargs)
        self.marks = tuple(int(mark) for mark in marks)
        if not self.marks or len(self.marks) % 2 or len(set(self.marks)) < len(self.marks):
            raise ValueError(
                f"`marks` must be pairs of different token ids. {describe(tuple(marks))}."
            )

    def call(self, token_ids, entity_ids):
        inside = ops.logical_and(
            self._begun(token_ids, self.marks[::2]),
            ops.logical_not(self._begun(token_ids, self.marks[1::2])),
        )
        # (batch, pairs, words): places count from 1, so that 0 is none.
        entity_ids = ops.expand_dims(entity_ids, 1)
        places = ops.arange(1, ops.shape(token_ids)[1] + 1, dtype="int32")
        places = ops.where(ops.logical_and(inside, entity_ids >= 0), places, 0)
        last = ops.max(places, axis=-1, keepdims=True)
        # The one place that is the last has the entity, the others the lowest there can be.
        here = ops.logical_and(places == last, places > 0)
        return ops.max(ops.where(here, entity_ids, -1), axis=-1)

    def _begun(self, token_ids, ids):
        """Where each of `ids` has occurred, there or before: bools `(batch, ids, words)`."""
        wanted = ops.reshape(ops.convert_to_tensor(ids, token_ids.dtype), (1, -1, 1))
        found = ops.cast(ops.expand_dims(token_ids, 1) == wanted, "int32")
        return ops.cumsum(found, axis=-1) > 0

    def compute_output_spec(self, token_ids, entity_ids):
        return keras.KerasTensor((token_ids.shape[0], len(self.marks) // 2), dtype=entity_ids.dtype)

    def get_config(self):
        return {**super().get_config(), "marks": self.marks}
