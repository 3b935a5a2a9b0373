"""Independent NumPy computations that the library's formulas are compared with."""

import numpy as np


def transe(head, relation, tail, norm):
    return -np.linalg.norm(head + relation - tail, ord=norm, axis=-1)


def distmult(head, relation, tail):
    return np.einsum("...k,...k,...k->...", head, relation, tail)


def complex_score(head, relation, tail):
    def as_complex(vector):
        half = vector.shape[-1] // 2
        return vector[..., :half] + 1j * vector[..., half:]

    product = as_complex(head) * as_complex(relation) * np.conj(as_complex(tail))
    return product.sum(axis=-1).real


def log_sigmoid(x):
    return -np.logaddexp(0.0, -x)


def softmax(x):
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def negative_sampling(positive, negatives, margin, temperature):
    """The loss of one positive score and a vector of negative scores."""
    weights = softmax(temperature * negatives)
    return -log_sigmoid(margin + positive) - np.sum(weights * log_sigmoid(-margin - negatives))


def mentions(ids, limit):
    """The first `limit` runs of equal non-negative ids in a list."""
    found = [
        entity for i, entity in enumerate(ids) if entity >= 0 and (i == 0 or ids[i - 1] != entity)
    ]
    return (found + [-1] * limit)[:limit]
