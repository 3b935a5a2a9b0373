"""The entities that a text mentions, in the order of the words."""

from keras import ops


def first_mentions(entity_ids, limit):
    """The first `limit` entity mentions of each row.

    A mention is a run of equal ids: the pieces of one name. The same entity named twice counts
    twice, unless the two names are next to one another.

    Args:
        entity_ids: Integer tensor `(batch, words)`: the entity at each word, negative for none.
        limit: Number of mentions to keep.

    Returns:
        Integer tensor `(batch, limit)`, filled up with -1.
    """
    # (batch, words): padding in front lets the first word start a mention, padding behind
    # guarantees `limit` columns.
    entity_ids = ops.pad(entity_ids, [[0, 0], [1, limit]], constant_values=-1)
    before, here = entity_ids[:, :-1], entity_ids[:, 1:]
    starts = ops.logical_and(here >= 0, here != before)
    length = ops.shape(here)[1]
    position = ops.arange(length, dtype="int32")
    # Starts keep their place, all else moves behind every start; the smallest come first.
    order = ops.where(starts, position, position + length)
    first = ops.sort(order, axis=1)[:, :limit]
    ids = ops.take_along_axis(here, first % length, axis=1)
    # The reshape tells graphs of unknown length that there are `limit` columns.
    return ops.reshape(ops.where(first < length, ids, -1), (-1, limit))
