"""The entities a text mentions, as a layer."""

import keras

from kgkeras.checks import positive_int
from kgkeras.ops import first_mentions
from kgkeras.registration import serializable


@serializable
class MentionIds(keras.layers.Layer):
    """Picks the first `limit` entity mentions out of the ids at each word.

    Args:
        limit: Number of mentions to keep.

    Call arguments:
        entity_ids: Integer tensor `(batch, words)`, negative for none.

    Returns:
        Integer tensor `(batch, limit)`, filled up with -1.
    """

    def __init__(self, limit, **kwargs):
        super().__init__(**kwargs)
        self.limit = positive_int("limit", limit)

    def call(self, entity_ids):
        return first_mentions(entity_ids, self.limit)

    def compute_output_spec(self, entity_ids):
        return keras.KerasTensor((entity_ids.shape[0], self.limit), dtype=entity_ids.dtype)

    def get_config(self):
        return {**super().get_config(), "limit": self.limit}
