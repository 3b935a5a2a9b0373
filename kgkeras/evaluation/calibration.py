"""Turns scores into probabilities."""

import json
import pathlib

import numpy as np

from kgkeras.checks import one_of
from kgkeras.evaluation.extras import sklearn
from kgkeras.evaluation.reliability import checked_values

METHODS = ("platt", "isotonic")


class Calibration:
    """A map from scores to probabilities that a triple is true, fitted to labelled scores.

    Fit it to scores of validation triples and of false triples (`score_triples`). The
    probabilities hold for the share of true ones among these.

    Args:
        method: `"platt"`: a logistic curve with Platt's smoothed targets; `"isotonic"`: a
            monotone curve, for some thousand scores and more.

    Raises:
        ValueError: If there is no such method.

    Reference: Platt, Probabilistic Outputs for Support Vector Machines, 1999; Safavi et al.,
    Evaluating the Calibration of Knowledge Graph Embeddings, EMNLP 2020.

    Example:
    ```python
    calibration = Calibration().fit(score_triples(model, triples), labels)
    calibration.predict(score_triples(model, others))
    ```
    """

    def __init__(self, method="platt"):
        self.method = one_of("method", method, METHODS)
        self._state = None

    def fit(self, scores, labels):
        """Fits the curve; returns the calibration itself.

        Args:
            scores: Float array `(n,)`. Minus infinity says "never": it gets probability 0 and is
                left out of the fit.
            labels: Boolean array `(n,)`: which triples are true.

        Raises:
            ValueError: If other scores are not finite, lengths differ or one of the labels is
                missing.
            ImportError: If scikit-learn is missing.
        """
        scores, labels = np.asarray(scores), np.asarray(labels)
        if scores.shape == labels.shape:
            finite_or_nan = ~np.isneginf(scores)
            scores, labels = scores[finite_or_nan], labels[finite_or_nan]
        scores, labels = checked_values(scores, labels)
        if labels.all() or not labels.any():
            raise ValueError(
                "`labels` must hold both true and false ones. "
                f"Received: {len(labels)} labels, all {bool(labels[0]) if len(labels) else None}."
            )
        fit = {"platt": _fit_platt, "isotonic": _fit_isotonic}[self.method]
        self._state = fit(scores, labels)
        return self

    def predict(self, scores):
        """Probabilities: a float array of the shape of `scores`.

        Raises:
            ValueError: If the calibration has not been fitted.
        """
        state, scores = self._fitted(), np.asarray(scores, "float64")
        if self.method == "platt":
            # A logistic function that does not overflow.
            return (1 + np.tanh((state["slope"] * scores + state["intercept"]) / 2)) / 2
        return np.interp(scores, state["scores"], state["probabilities"])

    def save(self, path):
        """Writes the calibration to a JSON file; returns `path`."""
        path = pathlib.Path(path)
        path.write_text(json.dumps({"method": self.method, **self._fitted()}, indent=2) + "\n")
        return path

    @classmethod
    def load(cls, path):
        """The calibration that `save` wrote.

        Raises:
            ValueError: If the file does not hold one.
        """
        state = json.loads(pathlib.Path(path).read_text())
        method = state.pop("method", None) if isinstance(state, dict) else None
        keys = {"platt": {"slope", "intercept"}, "isotonic": {"scores", "probabilities"}}
        if method not in keys or state.keys() != keys[method]:
            raise ValueError(f"{path} must hold what `Calibration.save` wrote. Received: {state}.")
        calibration = cls(method)
        calibration._state = state
        return calibration

    def _fitted(self):
        if self._state is None:
            raise ValueError("The calibration must be fitted first: call `fit`. Received: none.")
        return self._state


def _fit_platt(scores, labels):
    linear = sklearn("linear_model")
    # On standardised scores the optimiser converges quickly; equal scores have no deviation.
    mean, deviation = scores.mean(), scores.std() or 1.0
    true, false = labels.sum(), (~labels).sum()
    # Platt's targets as weighted labels: no score is quite certain, and the slope stays finite.
    target = np.where(labels, (true + 1) / (true + 2), 1 / (false + 2))
    regression = linear.LogisticRegression(C=np.inf, max_iter=1000)
    regression.fit(
        np.tile((scores - mean) / deviation, 2)[:, None],
        np.repeat([1, 0], len(scores)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    slope = float(regression.coef_[0, 0] / deviation)
    return {"slope": slope, "intercept": float(regression.intercept_[0] - slope * mean)}


def _fit_isotonic(scores, labels):
    regression = sklearn("isotonic").IsotonicRegression(y_min=0, y_max=1).fit(scores, labels)
    return {
        "scores": regression.X_thresholds_.tolist(),
        "probabilities": regression.y_thresholds_.tolist(),
    }
