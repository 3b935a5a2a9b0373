"""The contract of scorers."""

import keras
from keras import ops


class Scorer(keras.layers.Layer):
    """A function of embeddings that says how plausible triples are: higher is more plausible.

    A scorer owns no tables and knows no ids. Subclasses implement `call`, which broadcasts over
    all leading axes, and may replace `score_tails` and `score_heads` by something faster.

    Call arguments:
        head: Float tensor `(..., dim)`.
        relation: Float tensor `(..., relation_dim(dim))`.
        tail: Float tensor `(..., dim)`.

    Returns:
        Float tensor `(...)`.
    """

    def relation_dim(self, dim):
        """Length of a relation's vector where an entity's is `dim`.

        Raises:
            ValueError: If the scorer cannot work on entities of length `dim`.
        """
        return dim

    def score_tails(self, head, relation, candidates):
        """Scores of each query with every candidate as its tail.

        Args:
            head: Float tensor `(..., queries, dim)`.
            relation: Float tensor `(..., queries, relation_dim)`.
            candidates: Float tensor `(candidates, dim)`, or `(..., candidates, dim)` where each
                leading index has candidates of its own.

        Returns:
            Float tensor `(..., queries, candidates)`.
        """
        return self(
            ops.expand_dims(head, -2),
            ops.expand_dims(relation, -2),
            ops.expand_dims(candidates, -3),
        )

    def score_heads(self, candidates, relation, tail):
        """Scores of each query with every candidate as its head; shapes as in `score_tails`."""
        return self(
            ops.expand_dims(candidates, -3),
            ops.expand_dims(relation, -2),
            ops.expand_dims(tail, -2),
        )

    def compute_output_shape(self, head_shape, relation_shape, tail_shape):
        shape = head_shape[:-1]
        for other in (relation_shape, tail_shape):
            shape = _broadcast(shape, other[:-1])
        return shape


def _broadcast(one, other):
    length = max(len(one), len(other))
    one = (1,) * (length - len(one)) + tuple(one)
    other = (1,) * (length - len(other)) + tuple(other)
    return tuple(b if a == 1 else a for a, b in zip(one, other, strict=True))
