"""What scorers have in common that take the length of a difference."""

from kgkeras.checks import one_of
from kgkeras.scorers.scorer import Scorer


class DistanceScorer(Scorer):
    """A scorer that measures by a norm; with norm 2 all candidates take matrix products.

    Args:
        norm: 1 or 2.
        **kwargs: As for a Keras layer.
    """

    def __init__(self, norm, **kwargs):
        super().__init__(**kwargs)
        self.norm = one_of("norm", norm, (1, 2))
        self.by_product = norm == 2

    def get_config(self):
        return {**super().get_config(), "norm": self.norm}
