"""Lengths of differences, of pairs or of each query with every candidate, in float32.

`|q - c|^2 = |q|^2 + |c|^2 - 2 <q, c>` makes all Euclidean distances one matrix product. Its
rounding errors are of the size of the terms, not of the result: a square is off by up to
`6e-7 (|q|^2 + |c|^2)` (seen at 1000 components). Hence a length is good to `5e-6 |q|` where it is
as long as the vectors, `2e-5 |q|` at a tenth of that, and `1.5e-3 |q|` where query and candidate
coincide. A GPU that multiplies in TF32 has three digits less; switch that off where the order of
near duplicates matters.
"""

from keras import ops

from kgkeras.scorers.algebra import inner_products

_ROUNDING = 2.0**-22  # of a sum of float32 products, in relation to the largest of them


def length(difference, norm, squared=False):
    """Length `(...)` of a vector `(..., dim)`: sum of absolute values (1) or Euclidean (2)."""
    difference = ops.cast(difference, "float32")  # squares overflow float16
    if norm == 1:
        return ops.sum(ops.abs(difference), axis=-1)
    squares = ops.sum(ops.square(difference), axis=-1)
    # The slope of the square root is infinite at 0; a tiny offset keeps gradients finite.
    return squares if squared else ops.sqrt(squares + 1e-12)


def pairwise_lengths(queries, candidates, norm, scales=None, squared=False):
    """Length of `query - scale * candidate` for each query and every candidate.

    Args:
        queries: Float tensor `(..., queries, dim)`.
        candidates: Float tensor `(candidates, dim)` or `(..., candidates, dim)`.
        norm: 1, which holds tensors `(..., queries, candidates, dim)`, or 2, which does not.
        scales: Factors of the candidates, `(..., queries, dim)`; None for 1.
        squared: Whether to give the squares of norm 2.

    Returns:
        Float tensor `(..., queries, candidates)`.
    """
    if norm == 2:
        parts = expansion(queries, candidates, scales)
        return square(*parts) if squared else root(*parts)
    candidates = ops.expand_dims(candidates, -3)
    if scales is not None:
        candidates = candidates * ops.expand_dims(scales, -2)
    return length(ops.expand_dims(queries, -2) - candidates, norm)


def expansion(queries, candidates, scales=None):
    """The parts of `|query - scale * candidate|^2 = sizes - 2 products`.

    Args:
        queries: Float tensor `(..., queries, dim)`.
        candidates: Float tensor `(candidates, dim)` or `(..., candidates, dim)`.
        scales: Factors of the candidates, `(..., queries, dim)`; None for 1.

    Returns:
        `(sizes, products)`, each `(..., queries, candidates)`.
    """
    queries, candidates = ops.cast(queries, "float32"), ops.cast(candidates, "float32")
    sizes = ops.sum(ops.square(queries), axis=-1, keepdims=True)
    squares = ops.square(candidates)
    if scales is None:
        sizes = sizes + ops.expand_dims(ops.sum(squares, axis=-1), -2)
    else:
        scales = ops.cast(scales, "float32")
        sizes = sizes + inner_products(ops.square(scales), squares)
        queries = queries * scales
    return sizes, inner_products(queries, candidates)


def square(sizes, products):
    """The square `sizes - 2 products`, which rounding must not make negative."""
    return ops.maximum(sizes - 2.0 * products, 0.0)


def root(sizes, products):
    """The length `sqrt(sizes - 2 products)`, with slopes of the right size where it is near 0."""
    # Where only rounding errors are left of the difference, a slope of 1 / length would blow
    # them up. An offset of their size leaves the length as good as it was.
    offset = _ROUNDING * ops.stop_gradient(sizes) + 1e-12
    return ops.sqrt(square(sizes, products) + offset)
