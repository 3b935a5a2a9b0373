"""How far probabilities can be trusted."""

import dataclasses

import numpy as np

from kgkeras.checks import positive_int


@dataclasses.dataclass(frozen=True, eq=False)
class Reliability:
    """Probabilities held against what came true.

    Attributes:
        brier: Mean squared difference of probability and label (0 or 1); 0 is perfect.
        expected_calibration_error: Mean difference, over triples, of a bin's mean probability and
            its share of true ones; 0 is perfect.
        probabilities: Mean probability in each bin that is not empty.
        shares: Share of true triples in each of these.
        counts: Number of triples in each of these.
    """

    brier: float
    expected_calibration_error: float
    probabilities: np.ndarray
    shares: np.ndarray
    counts: np.ndarray

    def metrics(self):
        """Dict of the two figures."""
        return {
            "brier": self.brier,
            "expected_calibration_error": self.expected_calibration_error,
        }


def reliability(probabilities, labels, bins=10):
    """Holds probabilities against labels, in `bins` bins of equal width.

    Args:
        probabilities: Float array `(n,)` of values in [0, 1].
        labels: Boolean array `(n,)`.
        bins: Number of bins.

    Returns:
        `Reliability`.

    Raises:
        ValueError: If a probability is none, lengths differ or there is nothing to judge.
    """
    probabilities, labels = checked_values(probabilities, labels, "probabilities")
    bins = positive_int("bins", bins)
    if not len(labels) or probabilities.min() < 0 or probabilities.max() > 1:
        raise ValueError(
            "`probabilities` must be at least one value in [0, 1]. "
            f"Received: {len(labels)} values, {probabilities.min(initial=1):g} to "
            f"{probabilities.max(initial=0):g}."
        )
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    filled = counts > 0
    means, shares = (
        np.bincount(place, weights=values, minlength=bins)[filled] / counts[filled]
        for values in (probabilities, labels)
    )
    counts = counts[filled]
    error = np.sum(counts * np.abs(means - shares)) / len(labels)
    brier = np.mean((probabilities - labels) ** 2)
    return Reliability(float(brier), float(error), means, shares, counts)


def checked_values(values, labels, name="scores"):
    """Values as float64 and labels as booleans, or a `ValueError`."""
    values, labels = np.asarray(values, "float64"), np.asarray(labels)
    if values.ndim != 1 or values.shape != labels.shape or not np.isfinite(values).all():
        raise ValueError(
            f"`{name}` must be finite numbers (n,), and `labels` as many. "
            f"Received: shapes {values.shape} and {labels.shape}, "
            f"{int(np.sum(~np.isfinite(values)))} not finite."
        )
    return values, labels.astype(bool)
