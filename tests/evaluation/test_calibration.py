import json
import sys

import numpy as np
import pytest

from kgkeras import evaluation

METHODS = ("platt", "isotonic")


def _sample(count, seed=0):
    """Scores whose true probability is the logistic function of `2 * score - 1`."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count) * 2
    return scores, rng.random(count) < 1 / (1 + np.exp(1 - 2 * scores))


@pytest.mark.parametrize("method", METHODS)
def test_finds_the_true_probabilities(method):
    calibration = evaluation.Calibration(method).fit(*_sample(20_000))
    scores, labels = _sample(20_000, seed=1)
    probabilities = calibration.predict(scores)
    found = evaluation.reliability(probabilities, labels)
    assert found.expected_calibration_error < 0.02
    assert found.brier < np.mean((labels.mean() - labels) ** 2) / 2
    assert np.all(np.diff(calibration.predict(np.linspace(-9, 9, 50))) >= 0)
    if method == "platt":
        np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(1 - 2 * scores)), atol=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_scale_and_shift_of_scores_do_not_matter(method):
    scores, labels = _sample(500)
    expected = evaluation.Calibration(method).fit(scores, labels).predict(scores)
    moved = evaluation.Calibration(method).fit(1000 * scores - 5000, labels)
    np.testing.assert_allclose(moved.predict(1000 * scores - 5000), expected, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_save_and_load(method, tmp_path):
    scores, labels = _sample(200)
    calibration = evaluation.Calibration(method).fit(scores, labels)
    path = calibration.save(tmp_path / "calibration.json")
    assert json.loads(path.read_text())["method"] == method
    again = evaluation.Calibration.load(path)
    assert again.method == method
    np.testing.assert_array_equal(again.predict(scores), calibration.predict(scores))


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_minus_infinity_says_never(method):
    scores, labels = _sample(400)
    plain = evaluation.Calibration(method).fit(scores, labels)
    more = np.append(scores, [-np.inf, -np.inf]), np.append(labels, [False, False])
    curve = evaluation.Calibration(method).fit(*more)
    np.testing.assert_array_equal(curve.predict(scores), plain.predict(scores))
    if method == "platt":
        assert curve.predict([-np.inf]) == 0
    else:
        assert curve.predict([-np.inf]) == curve.predict(scores).min()


def test_separable_and_equal_scores():
    labels = np.array([False, True])
    sure = evaluation.Calibration().fit([-1.0, 1.0], labels).predict([-1.0, 1.0, -1e9, 1e9])
    # Platt's targets for one label each are 1/3 and 2/3.
    np.testing.assert_allclose(sure, [1 / 3, 2 / 3, 0, 1], atol=1e-3)
    np.testing.assert_allclose(evaluation.Calibration().fit([5.0, 5.0], labels).predict([5.0]), 0.5)


def test_reliability_by_hand():
    labels = np.array([True, False, True, True, False])
    found = evaluation.reliability(np.array([1.0, 0.9, 0.1, 0.15, 0.0]), labels, bins=5)
    np.testing.assert_allclose(found.probabilities, [0.25 / 3, 0.95])
    np.testing.assert_allclose(found.shares, [2 / 3, 1 / 2])
    assert found.counts.tolist() == [3, 2]
    expected = (3 * (2 / 3 - 0.25 / 3) + 2 * 0.45) / 5
    assert found.metrics() == pytest.approx(
        {
            "brier": (0 + 0.81 + 0.81 + 0.85**2 + 0) / 5,
            "expected_calibration_error": expected,
        }
    )


def test_perfect_and_worst():
    labels = np.array([True, False])
    assert set(evaluation.reliability([1.0, 0.0], labels).metrics().values()) == {0.0}
    assert set(evaluation.reliability([0.0, 1.0], labels).metrics().values()) == {1.0}


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([1.0, 2.0], [True], r"shapes \(2,\) and \(1,\)"),
        ([1.0, np.nan], [True, False], "1 not finite"),
        ([1.0, 2.0], [True, True], "must hold both true and false ones. Received: 2 labels"),
        ([], [], "Received: 0 labels"),
    ],
)
def test_errors_of_fit(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        evaluation.Calibration().fit(scores, labels)


def test_other_errors(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="`method` must be one of 'platt', 'isotonic'"):
        evaluation.Calibration("beta")
    for use in (evaluation.Calibration().predict, evaluation.Calibration().save):
        with pytest.raises(ValueError, match="must be fitted first"):
            use(tmp_path / "x" if use.__name__ == "save" else [0.0])
    (tmp_path / "x").write_text('{"method": "platt", "slope": 1}')
    with pytest.raises(ValueError, match=r"must hold what `Calibration.save` wrote"):
        evaluation.Calibration.load(tmp_path / "x")
    with pytest.raises(ValueError, match=r"at least one value in \[0, 1\].*2 values, -1 to 2"):
        evaluation.reliability([-1.0, 2.0], [True, False])
    with pytest.raises(ValueError, match="Received: 0 values"):
        evaluation.reliability([], [])
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(ImportError, match=r"pip install 'kgkeras\[metrics\]'"):
        evaluation.Calibration().fit([0.0, 1.0], [True, False])
