"""Arithmetic of vectors that hold complex numbers or quaternions, part after part.

A complex vector holds the real parts in its first half and the imaginary parts in its second; a
vector of quaternions holds the four parts in its quarters.
"""

from keras import ops


def inner_products(queries, candidates):
    """Inner product of each query with every candidate.

    Args:
        queries: Float tensor `(..., queries, dim)`.
        candidates: Float tensor `(candidates, dim)` or `(..., candidates, dim)`.

    Returns:
        Float tensor `(..., queries, candidates)`.
    """
    return ops.matmul(queries, ops.swapaxes(candidates, -1, -2))


def outer_product(one, other):
    """All products of a component of `one` and one of `other`, as one vector, row by row."""
    products = ops.expand_dims(one, -1) * ops.expand_dims(other, -2)
    shape = ops.shape(products)
    return ops.reshape(products, (*shape[:-2], shape[-2] * shape[-1]))


def complex_product(one, other):
    """Componentwise product of two complex vectors."""
    a, b = ops.split(one, 2, axis=-1)
    c, d = ops.split(other, 2, axis=-1)
    return ops.concatenate([a * c - b * d, a * d + b * c], axis=-1)


def complex_conjugate(vector):
    """Componentwise conjugate of a complex vector."""
    real, imaginary = ops.split(vector, 2, axis=-1)
    return ops.concatenate([real, -imaginary], axis=-1)


def hamilton_product(one, other):
    """Componentwise product of two vectors of quaternions; the order matters."""
    a, b, c, d = ops.split(one, 4, axis=-1)
    e, f, g, h = ops.split(other, 4, axis=-1)
    return ops.concatenate(
        [
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ],
        axis=-1,
    )


def quaternion_conjugate(vector):
    """Componentwise conjugate of a vector of quaternions."""
    a, b, c, d = ops.split(vector, 4, axis=-1)
    return ops.concatenate([a, -b, -c, -d], axis=-1)


def moduli(vector, parts):
    """Absolute values, float32 `(..., dim / parts)`, of numbers of 2 (complex) or 4 parts."""
    squares = ops.square(ops.cast(vector, "float32"))  # squares overflow float16
    # The slope of the square root is infinite at 0; a tiny offset keeps gradients finite.
    return ops.sqrt(sum(ops.split(squares, parts, axis=-1)) + 1e-12)


def unit(vector):
    """The vector divided by its Euclidean length, float32; zeros stay zeros."""
    vector = ops.cast(vector, "float32")
    square = ops.sum(ops.square(vector), axis=-1, keepdims=True)
    # Not `ops.normalize`: its gradient at 0 is not a number.
    return vector * ops.rsqrt(ops.maximum(square, 1e-12))
