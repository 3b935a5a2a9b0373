"""MuRE: a relation stretches the head and moves the tail."""

from keras import ops

from kgkeras.registration import serializable
from kgkeras.scorers.distances import expansion, square
from kgkeras.scorers.scorer import Scorer


@serializable
class MuRE(Scorer):
    """`score(h, r, t) = -||R h - (t + r)||^2 + b_h + b_t` with a diagonal matrix `R`.

    An entity's vector holds its bias `b` in its last component; a relation's holds the diagonal
    of `R` and then the translation `r`, each one shorter than the entity's vector. All candidates
    are scored by one matrix product, or two where they are heads (precision: see `distances`).

    Reference: Balazevic et al., Multi-relational Poincare Graph Embeddings, NeurIPS 2019.
    """

    by_product = True

    def relation_dim(self, dim):
        if dim < 2:
            raise ValueError(
                "MuRE needs a `dim` of at least 2: its last component is the entity's bias. "
                f"Received: dim={dim!r}."
            )
        return 2 * (dim - 1)

    def call(self, head, relation, tail):
        (head, head_bias), (tail, tail_bias) = _split(head), _split(tail)
        scale, translation = ops.split(ops.cast(relation, "float32"), 2, axis=-1)
        distance = ops.sum(ops.square(scale * head - tail - translation), axis=-1)
        return ops.cast(head_bias + tail_bias - distance, self.compute_dtype)

    def score_tails(self, head, relation, candidates):
        head, relation, candidates = self._prepare(head, relation, candidates)
        head, bias = _split(head)
        scale, translation = ops.split(ops.cast(relation, "float32"), 2, axis=-1)
        return self._score_all(scale * head - translation, bias, candidates)

    def score_heads(self, candidates, relation, tail):
        candidates, relation, tail = self._prepare(candidates, relation, tail)
        tail, bias = _split(tail)
        scale, translation = ops.split(ops.cast(relation, "float32"), 2, axis=-1)
        return self._score_all(tail + translation, bias, candidates, scale)

    def _score_all(self, queries, bias, candidates, scales=None):
        candidates, candidate_bias = _split(candidates)
        biases = ops.expand_dims(bias, -1) + ops.expand_dims(candidate_bias, -2)
        distances = square(*expansion(queries, candidates, scales))
        return ops.cast(biases - distances, self.compute_dtype)


def _split(entity):
    """The vector `(..., dim - 1)` and the bias `(...)`."""
    entity = ops.cast(entity, "float32")  # squares overflow float16
    return entity[..., :-1], entity[..., -1]
