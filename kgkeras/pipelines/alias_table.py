"""Draws from a large discrete distribution at the price of two random numbers."""

import numpy as np
import tensorflow as tf


class AliasTable:
    """Ids drawn with given probabilities, by Walker's alias method.

    Each id `i` has a cell of the same size; `keep[i]` is the share of the cell that is its own, the
    rest belongs to `alias[i]`. Sweeping over the cells too small and those too large side by side,
    after Hübschle-Schneider and Sanders (2022), makes the table with sorted searches alone.

    Args:
        weights: Float array `(size,)`, proportional to the probabilities: none negative, not all 0.

    Paper: A. J. Walker, An efficient method for generating discrete random variables with general
    distributions (1977); L. Hübschle-Schneider and P. Sanders, Parallel weighted random sampling
    (2022).
    """

    def __init__(self, weights):
        weights = np.asarray(weights, dtype="float64")
        self.keep, self.alias = _table(weights * (len(weights) / weights.sum()))
        self._keep = tf.convert_to_tensor(self.keep)
        self._alias = tf.convert_to_tensor(self.alias)

    def draw(self, shape, seed):
        """int32 ids of the given shape, the same for the same `seed` `(2,)`."""
        # The whole part chooses a cell, the fraction a place in it: float64 has bits for both.
        place = tf.random.stateless_uniform(shape, seed, dtype=tf.float64) * len(self.keep)
        cell = tf.cast(place, tf.int32)
        own = tf.cast(place - tf.floor(place), tf.float32) < tf.gather(self._keep, cell)
        return tf.where(own, cell, tf.gather(self._alias, cell))


def _table(weights):
    """`keep` (float32) and `alias` (int32) of weights whose mean is 1."""
    keep, alias = weights.copy(), np.arange(len(weights), dtype="int32")
    small, large = np.flatnonzero(weights < 1), np.flatnonzero(weights >= 1)
    lacking = np.cumsum(1 - weights[small])  # up to and with this small cell
    spare = np.cumsum(weights[large] - 1)  # up to and with this large cell
    # A large cell fills small ones as long as it is no small one itself ...
    before = np.concatenate([[0.0], lacking[:-1]])[: len(small)]
    giver = np.searchsorted(spare, before)
    alias[small] = large[np.minimum(giver, len(large) - 1)]
    # ... and then keeps the rest and is filled by the next large one; the last keeps its own.
    taken = np.searchsorted(lacking, spare[:-1], side="right")
    has_rest = taken < len(small)
    rest = 1 + spare[:-1][has_rest] - lacking[taken[has_rest]]
    keep[large] = 1
    keep[large[:-1][has_rest]] = rest
    alias[large[:-1][has_rest]] = large[1:][has_rest]
    return keep.astype("float32"), alias
