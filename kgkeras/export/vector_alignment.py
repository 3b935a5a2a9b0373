"""Vectors that were trained elsewhere, put in the order of a graph's vocabulary."""

from typing import NamedTuple

import numpy as np

from kgkeras.checks import one_of


class AlignedVectors(NamedTuple):
    """A `matrix` to start a table from, and the entities that it has no vector for.

    Attributes:
        matrix: Float32 `(entities, dim)`: an `initial_matrix` for `layers.EntityEmbedding`.
        missing: Names without a vector, in the order of the vocabulary.
    """

    matrix: np.ndarray
    missing: tuple[str, ...]


def vectors_for(names, matrix, entities, *, missing="random", seed=0):
    """Takes from vectors by name those of a vocabulary, in its order.

    Args:
        names: The vectors' names, each once.
        matrix: Their vectors `(names, dim)`, as `read_vectors` gives both.
        entities: What the rows of the result are looked up by: `graph.entities`, or the names of
            the entities, if the vectors go by those.
        missing: What an entity without a vector gets: `"zeros"`, or `"random"` for numbers drawn
            from a normal distribution with each column's mean and standard deviation.
        seed: Seed of these.

    Returns:
        `AlignedVectors`.

    Raises:
        ValueError: If names are repeated or not as many as rows, or no entity has a vector.
    """
    one_of("missing", missing, ("zeros", "random"))
    names, entities, matrix = tuple(names), tuple(entities), np.asarray(matrix, dtype="float32")
    index = {name: row for row, name in enumerate(names)}
    if matrix.ndim != 2 or not len(names) == len(index) == len(matrix):
        raise ValueError(
            "`names` must be unique and as many as the rows of `matrix`. Received: "
            f"{len(names)} names, {len(index)} of them different, and shape {matrix.shape}."
        )
    rows = np.array([index.get(entity, -1) for entity in entities], dtype="int64")
    found = rows >= 0
    if not found.any():
        raise ValueError(
            "At least one of `entities` must have a vector. Received: entities such as "
            f"{', '.join(map(repr, entities[:3]))}; names such as "
            f"{', '.join(map(repr, names[:3]))}."
        )
    known = matrix[rows[found]]
    aligned = np.zeros((len(entities), matrix.shape[1]), dtype="float32")
    if missing == "random":
        aligned[~found] = np.random.default_rng(seed).normal(
            known.mean(axis=0), known.std(axis=0), ((~found).sum(), matrix.shape[1])
        )
    aligned[found] = known
    return AlignedVectors(aligned, tuple(entities[i] for i in np.flatnonzero(~found)))
