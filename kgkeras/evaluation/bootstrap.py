"""How far a figure would move with another test set of the same size."""

import numpy as np

from kgkeras.checks import describe, positive_int


def bootstrap_interval(figure, *columns, samples=1000, confidence=0.95, seed=0):
    """The range that a figure takes over test sets drawn from the one there is.

    Rows are drawn with replacement, as many as there are, the same of all columns: with the answers
    of two models as columns and a difference as the figure, this is the paired bootstrap.

    Args:
        figure: Function of arrays like `columns` that returns a float, such as an F1.
        *columns: Arrays with a row for each example.
        samples: Number of test sets to draw.
        confidence: Share of them within the range, between 0 and 1.
        seed: Seed of the draws.

    Returns:
        `(low, high)`, the percentiles that leave out as many below as above.

    Raises:
        ValueError: If there are no rows, the columns differ in length, or a number is out of range.

    Reference: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

    Example:
    ```python
    def gain(labels, ours, theirs):
        return f1(labels, ours) - f1(labels, theirs)

    low, high = bootstrap_interval(gain, labels, ours, theirs)
    ```
    """
    columns = [np.asarray(column) for column in columns]
    lengths = {len(column) for column in columns}
    if len(lengths) != 1 or not min(lengths):
        raise ValueError(
            "`columns` must be arrays of the same number of rows, at least one. "
            f"Received: {[len(column) for column in columns]} rows."
        )
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must lie between 0 and 1. {describe(confidence)}.")
    rng, size = np.random.default_rng(seed), len(columns[0])
    drawn = (rng.integers(0, size, size) for _ in range(positive_int("samples", samples)))
    figures = [figure(*(column[rows] for column in columns)) for rows in drawn]
    tail = (1 - confidence) / 2
    low, high = np.quantile(figures, [tail, 1 - tail])
    return float(low), float(high)
