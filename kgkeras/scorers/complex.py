"""ComplEx: a trilinear product of complex vectors."""

from kgkeras.registration import serializable
from kgkeras.scorers.algebra import complex_conjugate, complex_product, moduli
from kgkeras.scorers.bilinear import BilinearScorer


@serializable
class ComplEx(BilinearScorer):
    """`score(h, r, t) = Re(sum_k h_k r_k conj(t_k))`.

    Each vector holds the real parts in its first half and the imaginary parts in its second.

    Reference: Trouillon et al., Complex Embeddings for Simple Link Prediction, ICML 2016.
    """

    def relation_dim(self, dim):
        self._check_multiple(dim, 2, "real and imaginary halves")
        return dim

    def tail_query(self, head, relation):
        return complex_product(head, relation)

    def head_query(self, relation, tail):
        # Re(h r conj(t)) = Re(h conj(t conj(r))).
        return complex_product(tail, complex_conjugate(relation))

    def relation_query(self, head, tail):
        return complex_product(tail, complex_conjugate(head))

    def factors(self, head, relation, tail):
        return tuple(moduli(vector, 2) for vector in (head, relation, tail))
