"""Batches of several tasks as one: a layer that all share runs once."""

import functools

from keras import ops

# What stands where a text of another task is longer; everything else is filled up with zeros.
_FILL = {"entity_ids": -1}


def join_rows(parts):
    """One batch of the rows of several.

    Args:
        parts: List of dicts with the same names, of tensors `(rows, ...)`. Their second axes, as of
            the words of texts, may differ.

    Returns:
        Dict of tensors `(all rows, ...)`, the second axis as long as the longest.
    """
    if len(parts) == 1:
        return dict(parts[0])
    return {name: _joined(name, [part[name] for part in parts]) for name in parts[0]}


def split_rows(joined, parts):
    """What `join_rows` joined, apart again, or what a layer has made of it.

    Args:
        joined: Tensor `(all rows, ...)` or, if texts became texts, `(all rows, words, dim)`.
        parts: List of tensors `(rows, words)`: one of what was joined, of each part.

    Returns:
        List of tensors with as many rows as each part and, of rank 3 and above, as many words.
    """
    if len(parts) == 1:
        return [joined]
    texts = len(joined.shape) > 2
    split, start = [], 0
    for part in parts:
        rows, words = ops.shape(part)[:2]
        rows_of_part = joined[start : start + rows]
        split.append(rows_of_part[:, :words] if texts else rows_of_part)
        start = start + rows
    return split


def _joined(name, columns):
    if len(columns[0].shape) > 1:
        widths = [ops.shape(column)[1] for column in columns]
        width = functools.reduce(ops.maximum, widths)
        columns = [
            _widened(c, width - w, _FILL.get(name, 0))
            for c, w in zip(columns, widths, strict=False)
        ]
    return ops.concatenate(columns, axis=0)


def _widened(column, missing, fill):
    shape = ops.shape(column)
    filling = ops.full((shape[0], missing, *shape[2:]), fill, dtype=column.dtype)
    return ops.concatenate([column, filling], axis=1)
