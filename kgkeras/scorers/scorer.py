"""The contract of scorers."""

import keras
from keras import ops


class Scorer(keras.layers.Layer):
    """A function of embeddings that says how plausible triples are: higher is more plausible.

    A scorer owns no tables and knows no ids. Subclasses implement `call`, which broadcasts over
    all leading axes, and may replace `score_tails`, `score_heads` and `score_relations` by
    something faster.

    `dim` is the whole length of an entity's vector: scorers with two roles an entity hold both
    in it, scorers with a bias an entity hold the bias in its last component.

    Call arguments:
        head: Float tensor `(..., dim)`.
        relation: Float tensor `(..., relation_dim(dim))`.
        tail: Float tensor `(..., dim)`.

    Returns:
        Float tensor `(...)`.

    Raises:
        ValueError: On the first call, if the vectors' lengths do not fit together.
    """

    # Whether `score_tails` takes matrix products; else it holds tensors (queries, candidates, dim).
    by_product = False

    def relation_dim(self, dim):
        """Length of a relation's vector where an entity's is `dim`.

        Raises:
            ValueError: If the scorer cannot work on entities of length `dim`.
        """
        return dim

    def relation_initializer(self):
        """A Keras initializer for vectors of relations, or None where any will do."""

    def build(self, head_shape, relation_shape, tail_shape):
        dim = head_shape[-1]
        if tail_shape[-1] != dim or relation_shape[-1] != self.relation_dim(dim):
            raise ValueError(
                f"{type(self).__name__} needs heads and tails of the same length, here {dim}, and "
                f"relations of length {self.relation_dim(dim)}. Received: "
                f"head.shape={tuple(head_shape)}, relation.shape={tuple(relation_shape)}, "
                f"tail.shape={tuple(tail_shape)}."
            )

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

    def score_relations(self, head, candidates, tail):
        """Scores of each pair of entities with every candidate as its relation.

        Args:
            head: Float tensor `(..., queries, dim)`.
            candidates: Float tensor `(candidates, relation_dim)` or
                `(..., candidates, relation_dim)`.
            tail: Float tensor `(..., queries, dim)`.

        Returns:
            Float tensor `(..., queries, candidates)`.
        """
        return self(
            ops.expand_dims(head, -2),
            ops.expand_dims(candidates, -3),
            ops.expand_dims(tail, -2),
        )

    def factors(self, head, relation, tail):
        """What norm regularisers take powers of.

        Args:
            head: Float tensor `(..., dim)`.
            relation: Float tensor `(..., relation_dim)`.
            tail: Float tensor `(..., dim)`.

        Returns:
            Three non-negative float32 tensors `(..., k)`, one for each argument: absolute values,
            or moduli where components belong together as one number.
        """
        return tuple(ops.abs(ops.cast(vector, "float32")) for vector in (head, relation, tail))

    def compute_output_shape(self, head_shape, relation_shape, tail_shape):
        shape = head_shape[:-1]
        for other in (relation_shape, tail_shape):
            shape = _broadcast(shape, other[:-1])
        return shape

    def _prepare(self, head, relation, tail):
        """Does for the fast paths what Keras does before `call`: builds, and casts the inputs."""
        vectors = [
            ops.convert_to_tensor(vector, self.compute_dtype) for vector in (head, relation, tail)
        ]
        if not self.built:
            self.build(*(tuple(vector.shape) for vector in vectors))
        return vectors

    def _check_multiple(self, dim, divisor, parts):
        if dim < 1 or dim % divisor:
            raise ValueError(
                f"{type(self).__name__} needs a `dim` that is a multiple of {divisor}: {parts}. "
                f"Received: dim={dim!r}."
            )


def _broadcast(one, other):
    length = max(len(one), len(other))
    one = (1,) * (length - len(one)) + tuple(one)
    other = (1,) * (length - len(other)) + tuple(other)
    return tuple(b if a == 1 else a for a, b in zip(one, other, strict=True))
