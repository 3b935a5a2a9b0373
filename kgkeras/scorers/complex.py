"""ComplEx: a trilinear product of complex vectors."""

from keras import ops

from kgkeras.registration import serializable
from kgkeras.scorers.scorer import Scorer


@serializable
class ComplEx(Scorer):
    """`score(h, r, t) = Re(sum_k h_k r_k conj(t_k))`.

    Each vector holds the real parts in its first half and the imaginary parts in its second.

    Reference: Trouillon et al., Complex Embeddings for Simple Link Prediction, ICML 2016.
    """

    def relation_dim(self, dim):
        if dim % 2:
            raise ValueError(
                f"ComplEx needs an even `dim`: real and imaginary halves. Received: dim={dim!r}."
            )
        return dim

    def call(self, head, relation, tail):
        return ops.sum(_product(head, relation) * tail, axis=-1)

    def score_tails(self, head, relation, candidates):
        return ops.matmul(_product(head, relation), ops.swapaxes(candidates, -1, -2))

    def score_heads(self, candidates, relation, tail):
        # Re(h r conj(t)) = Re(h conj(t conj(r))).
        query = _product(tail, _conjugate(relation))
        return ops.matmul(query, ops.swapaxes(candidates, -1, -2))


def _product(a, b):
    a_real, a_imaginary = ops.split(a, 2, axis=-1)
    b_real, b_imaginary = ops.split(b, 2, axis=-1)
    real = a_real * b_real - a_imaginary * b_imaginary
    imaginary = a_real * b_imaginary + a_imaginary * b_real
    return ops.concatenate([real, imaginary], axis=-1)


def _conjugate(a):
    real, imaginary = ops.split(a, 2, axis=-1)
    return ops.concatenate([real, -imaginary], axis=-1)
