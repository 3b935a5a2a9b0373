"""TransE: a relation is a translation."""

from keras import ops

from kgkeras.checks import one_of
from kgkeras.registration import serializable
from kgkeras.scorers.scorer import Scorer


@serializable
class TransE(Scorer):
    """`score(h, r, t) = -||h + r - t||`.

    Args:
        norm: 1 or 2.

    Reference: Bordes et al., Translating Embeddings for Modeling Multi-relational Data, NIPS 2013.
    """

    def __init__(self, norm=2, **kwargs):
        super().__init__(**kwargs)
        self.norm = one_of("norm", norm, (1, 2))

    def call(self, head, relation, tail):
        difference = ops.cast(head + relation - tail, "float32")  # squares overflow float16
        return ops.cast(-self._length(difference), self.compute_dtype)

    def _length(self, difference):
        if self.norm == 1:
            return ops.sum(ops.abs(difference), axis=-1)
        # The slope of the square root is infinite at 0; a tiny offset keeps gradients finite.
        return ops.sqrt(ops.sum(ops.square(difference), axis=-1) + 1e-12)

    def get_config(self):
        return {**super().get_config(), "norm": self.norm}
