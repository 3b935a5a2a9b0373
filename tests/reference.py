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


def each_triple(function):
    """Makes a function of three vectors one of three arrays that broadcast, triple by triple."""
    return np.vectorize(function, signature="(d),(r),(e)->()", otypes=[float])


def _halves(vector):
    return vector[: len(vector) // 2], vector[len(vector) // 2 :]


def _complex(vector):
    real, imaginary = _halves(vector)
    return real + 1j * imaginary


def transh(head, relation, tail, norm):
    normal, translation = _halves(relation)
    normal = normal / np.linalg.norm(normal)
    plane = np.eye(len(head)) - np.outer(normal, normal)
    return -np.linalg.norm(plane @ head + translation - plane @ tail, ord=norm)


def rotate(head, relation, tail, norm):
    gaps = _complex(head) * np.exp(1j * relation) - _complex(tail)
    return -np.linalg.norm(gaps, ord=norm)


def rescal(head, relation, tail):
    dim = len(head)
    return sum(head[i] * relation[dim * i + j] * tail[j] for i in range(dim) for j in range(dim))


def cp(head, relation, tail):
    of_head, of_tail = _halves(head)[0], _halves(tail)[1]
    return sum(of_head[k] * relation[k] * of_tail[k] for k in range(len(relation)))


def simple(head, relation, tail):
    forward, backward = _halves(relation)
    return (cp(head, forward, tail) + cp(tail, backward, head)) / 2


def tucker(head, relation, tail, core):
    return np.einsum("ijk,i,j,k->", core, head, relation, tail)


def quate(head, relation, tail):
    """Quaternions as 2 x 2 complex matrices; the inner product is half the real trace."""

    def matrices(vector):
        a, b, c, d = np.split(vector, 4)
        return [
            np.array([[a + b * 1j, c + d * 1j], [-c + d * 1j, a - b * 1j]])
            for a, b, c, d in zip(a, b, c, d, strict=True)
        ]

    score = 0.0
    for h, r, t in zip(*map(matrices, (head, relation, tail)), strict=True):
        r = r / np.sqrt(np.linalg.det(r).real)
        score += np.trace(h @ r @ t.conj().T).real / 2
    return score


def mure(head, relation, tail):
    diagonal, translation = _halves(relation)
    gap = np.diag(diagonal) @ head[:-1] - (tail[:-1] + translation)
    return -(np.linalg.norm(gap) ** 2) + head[-1] + tail[-1]


def pairre(head, relation, tail, norm):
    of_head, of_tail = _halves(relation)
    gap = head / np.linalg.norm(head) * of_head - tail / np.linalg.norm(tail) * of_tail
    return -np.linalg.norm(gap, ord=norm)


def conve(head, relation, tail, height, weights):
    """`weights`: scale and shift of three normalisations, kernel and bias of two maps, in order."""

    def normalised(x, scale, shift):
        mean = x.mean(axis=-1, keepdims=True)
        variance = np.square(x - mean).mean(axis=-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-3) * scale + shift

    weights = [np.asarray(weight, "float64") for weight in weights]
    kernel, bias = weights[2:4]
    picture = normalised(np.concatenate([head[:-1], relation]), *weights[:2])
    picture = picture.reshape(2 * height, -1)
    rows, columns = (picture.shape[i] - kernel.shape[i] + 1 for i in (0, 1))
    maps = np.zeros((rows, columns, kernel.shape[-1]))
    for i in range(rows):
        for j in range(columns):
            patch = picture[i : i + kernel.shape[0], j : j + kernel.shape[1]]
            maps[i, j] = np.einsum("ij,ijf->f", patch, kernel[:, :, 0]) + bias
    maps = np.maximum(normalised(maps, *weights[4:6]), 0)
    query = np.maximum(normalised(maps.ravel() @ weights[6] + weights[7], *weights[8:10]), 0)
    return query @ tail[:-1] + tail[-1]


def rank(scores, target, known, ties, tolerance):
    """The rank of `scores[target]` in a list, without the candidates in `known`."""
    answer = scores[target]
    others = [s for i, s in enumerate(scores) if i != target and i not in known]
    if np.isnan(answer):
        return len(others) + 1
    margin = tolerance * abs(answer) if np.isfinite(answer) else 0
    tied = [s == answer or abs(s - answer) <= margin for s in others]
    above = sum(bool(s > answer) and not tie for s, tie in zip(others, tied, strict=True))
    return 1 + above + {"optimistic": 0, "mean": 0.5, "pessimistic": 1}[ties] * sum(tied)
