"""Which facts touch an entity, found in time proportional to their number."""

import numpy as np


class Adjacency:
    """Rows of a column of ids, grouped by id (compressed sparse rows).

    Args:
        ids: Integer array `(rows,)` of values in `[0, size)`.
        size: Number of different ids.
    """

    def __init__(self, ids, size):
        self._order = np.argsort(ids, kind="stable")
        self._starts = np.zeros(size + 1, dtype="int64")
        np.cumsum(np.bincount(ids, minlength=size), out=self._starts[1:])

    def rows(self, value):
        """The rows that hold `value`, ascending: an integer array `(degree,)`."""
        return self._order[self._starts[value] : self._starts[value + 1]]
