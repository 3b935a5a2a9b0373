"""Ranges of figures over test sets that are drawn anew."""

import numpy as np
import pytest

from kgkeras.evaluation import bootstrap_interval


def accuracy(labels, answers):
    return np.mean(labels == answers)


def test_as_wide_as_theory_has_it():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 2000)
    answers = np.where(rng.random(2000) < 0.8, labels, 1 - labels)
    low, high = bootstrap_interval(accuracy, labels, answers, samples=2000)
    mean = accuracy(labels, answers)
    error = 1.96 * np.sqrt(mean * (1 - mean) / 2000)
    np.testing.assert_allclose([low, high], [mean - error, mean + error], atol=0.003)
    narrow = bootstrap_interval(accuracy, labels, answers, confidence=0.5)
    assert low < narrow[0] < mean < narrow[1] < high
    assert bootstrap_interval(accuracy, labels, answers, samples=2000) == (low, high)


def test_rows_stay_together():
    column = np.arange(50)
    assert bootstrap_interval(accuracy, column, column, samples=20) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ([np.zeros(3), np.zeros(4)], {}, r"same number of rows.*Received: \[3, 4\] rows"),
        ([[], []], {}, r"at least one. Received: \[0, 0\]"),
        ([], {}, "same number of rows"),
        ([[1], [1]], {"confidence": 1.0}, "`confidence` must lie between 0 and 1"),
        ([[1], [1]], {"samples": 0}, "`samples` must be a positive integer"),
    ],
)
def test_bad_arguments(columns, options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(accuracy, *columns, **options)
