"""What scorers have in common that take the length of a difference."""

from keras import ops

from kgkeras.checks import one_of
from kgkeras.scorers.distances import length, pairwise_lengths
from kgkeras.scorers.scorer import Scorer


class DistanceScorer(Scorer):
    """A scorer that measures by a norm; with norm 2 all candidates take matrix products.

    Args:
        norm: 1 or 2.
        squared: Whether the score is the length's negative square, for norm 2 alone. It orders
            candidates as the length does, but is steeper far away and flat near 0, and
            `-|q|^2 + 2 <q, c> - |c|^2` lets a softmax learn as it does from inner products.
        **kwargs: As for a Keras layer.

    Raises:
        ValueError: For another norm, or for squares of norm 1.
    """

    def __init__(self, norm, squared=False, **kwargs):
        super().__init__(**kwargs)
        self.norm = one_of("norm", norm, (1, 2))
        if squared and norm == 1:
            raise ValueError("`squared` is for `norm=2`. Received: norm=1, squared=True.")
        self.squared = bool(squared)
        self.by_product = norm == 2

    def _score(self, difference):
        """Scores `(...)` of differences `(..., dim)`."""
        lengths = length(difference, self.norm, self.squared)
        return ops.cast(-lengths, self.compute_dtype)

    def _score_pairs(self, queries, candidates, scales=None):
        """Scores of each query less every (scaled) candidate, as `pairwise_lengths`."""
        lengths = pairwise_lengths(queries, candidates, self.norm, scales, self.squared)
        return ops.cast(-lengths, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "norm": self.norm, "squared": self.squared}
