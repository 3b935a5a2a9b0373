"""Spans of words, told by tags."""

from keras import ops


def tag_spans(tags, words):
    """Where spans begin, of what type they are, and where they end.

    Tag 0 is of no span; a span of type `t` begins with tag `2t + 1` and goes on with `2t + 2`. One
    that goes on where none of its type has begun begins there, as CoNLL's evaluation has it.

    Args:
        tags: Integer tensor `(batch, n)`.
        words: Boolean tensor `(batch, n)`: which places count; all others are passed over.

    Returns:
        `(starts, types, ends)`, `(batch, n)` each: bool, True where a span begins; int32, its type;
        and int32, the place of the first word behind it, `n` where there is none.
    """
    tags = ops.cast(tags, "int32")
    kinds = ops.where(words, (tags + 1) // 2, 0)  # 0 for no span
    places = ops.arange(ops.shape(tags)[1], dtype="int32")
    n = ops.shape(tags)[1]
    later = ops.expand_dims(places, 0) > ops.expand_dims(places, 1)  # (n, n): column behind row
    # The word before each place, -1 for none.
    earlier = ops.logical_and(ops.expand_dims(words, 1), ops.transpose(later))
    before = ops.max(ops.where(earlier, places, -1), axis=-1, initial=-1)
    kind_before = ops.take_along_axis(kinds, ops.maximum(before, 0), axis=1)
    kind_before = ops.where(before >= 0, kind_before, 0)
    goes_on = ops.logical_and(tags % 2 == 0, kinds > 0)
    goes_on = ops.logical_and(goes_on, ops.equal(kinds, kind_before))
    starts = ops.logical_and(kinds > 0, ops.logical_not(goes_on))
    breaks = ops.logical_and(words, ops.logical_not(goes_on))
    behind = ops.logical_and(ops.expand_dims(breaks, 1), later)
    ends = ops.min(ops.where(behind, places, n), axis=-1, initial=n)
    return starts, kinds - 1, ends
