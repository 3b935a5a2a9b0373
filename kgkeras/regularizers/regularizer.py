"""The contract of regularizers."""

from keras import ops

from kgkeras.checks import non_negative


class Regularizer:
    """A penalty on the vectors of the triples in a batch, the mean over the triples.

    Vectors that occur more often are thus pulled harder. Published weights hold for losses that
    are a mean over triples too; where a paper's loss is a sum, divide by its batch size.

    Args:
        weight: Factor of the penalty, at least 0.

    Call arguments:
        scorer: The `kgkeras.scorers.Scorer` that judges the triples.
        head: Float tensor `(..., dim)`.
        relation: Float tensor `(..., relation_dim)`.
        tail: Float tensor `(..., dim)`.

    Returns:
        Float scalar.
    """

    def __init__(self, weight):
        self.weight = non_negative("weight", weight)

    def __call__(self, scorer, head, relation, tail):
        return ops.mean(self.penalties(scorer, head, relation, tail))

    def penalties(self, scorer, head, relation, tail):
        """The penalty of each triple, float `(...)`; arguments as in the call."""
        raise NotImplementedError(f"{type(self).__name__} must implement `penalties`.")

    def get_config(self):
        """The arguments of `__init__`."""
        return {"weight": self.weight}

    @classmethod
    def from_config(cls, config):
        """The regularizer with the arguments of `get_config`."""
        return cls(**config)
