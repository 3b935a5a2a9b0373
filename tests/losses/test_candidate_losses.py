"""Losses over a row of candidates: 1 true, 0 false, -1 to ignore."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras.losses import (
    BinaryCrossEntropyLoss,
    CrossEntropyLoss,
    MarginRankingLoss,
    SoftplusLoss,
)
from tests.processes import last_json

ROWS = st.lists(
    st.tuples(st.sampled_from([-1.0, 0.0, 1.0, 1.0]), st.floats(-8, 8, width=32)),
    min_size=1,
    max_size=6,
)
LOSSES = [
    CrossEntropyLoss(),
    CrossEntropyLoss(0.3, per="query"),
    CrossEntropyLoss(0.1, negative_weight=7.0),
    BinaryCrossEntropyLoss(0.1),
    SoftplusLoss(),
    MarginRankingLoss(2.0),
]
ALL = pytest.mark.parametrize("loss", LOSSES)


def _cross_entropy(y_true, y_pred, smoothing, per, negative_weight):
    """One answer after the other, each against all candidates."""
    kept = y_true >= 0
    labels, scores = y_true[kept], y_pred[kept]
    scores = scores + np.log(negative_weight) * (labels == 0)
    answers = np.flatnonzero(labels)
    total = 0.0
    for answer in answers:
        losses = np.log(np.exp(scores).sum()) - scores
        total += (1 - smoothing) * losses[answer] + smoothing * losses.mean()
    return total / max(len(answers), 1) if per == "query" else total


@settings(deadline=None, max_examples=40)
@given(
    row=ROWS,
    smoothing=st.sampled_from([0.0, 0.3]),
    per=st.sampled_from(["answer", "query"]),
    negative_weight=st.sampled_from([1.0, 0.2, 20.0]),
)
def test_cross_entropy(row, smoothing, per, negative_weight):
    y_true, y_pred = np.array(row).T
    loss = CrossEntropyLoss(smoothing, per, negative_weight)(y_true[None], y_pred[None])
    expected = _cross_entropy(y_true, y_pred, smoothing, per, negative_weight)
    np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-5)


def test_weighted_negatives_count_as_copies():
    y_true, y_pred = np.array([[0.0, 1.0, 0.0, -1.0]]), np.array([[0.5, 1.5, -1.0, 9.0]])
    copied = [
        np.concatenate([row[:, [1]], np.tile(row, 3)[:, [0, 2, 3, 4, 6, 7, 8, 10, 11]]], 1)
        for row in (y_true, y_pred)
    ]
    weighted = CrossEntropyLoss(negative_weight=3.0)(y_true, y_pred)
    np.testing.assert_allclose(weighted, CrossEntropyLoss()(*copied), rtol=1e-6)


@settings(deadline=None, max_examples=40)
@given(row=ROWS)
def test_the_others(row):
    y_true, y_pred = np.array(row).T
    true, false = y_pred[y_true == 1], y_pred[y_true == 0]
    number = max(len(true) + len(false), 1)
    softplus = np.logaddexp(0, -true).sum() + np.logaddexp(0, false).sum()

    def check(loss, expected):
        actual = loss(y_true[None], y_pred[None])
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)

    check(SoftplusLoss(), softplus / number)
    check(BinaryCrossEntropyLoss(), softplus / number)
    hinges = np.maximum(0, 2 - true.mean() + false) if len(true) else np.zeros(1)
    check(MarginRankingLoss(2.0), hinges.mean() if hinges.size else 0.0)


def test_smoothed_binary_cross_entropy():
    y_true, y_pred = np.array([[1.0, 0.0, -1.0, 0.0]]), np.array([[0.5, -1.0, 7.0, 2.0]])
    labels = np.array([0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3])
    truth = 1 / (1 + np.exp(-y_pred[0, [0, 1, 3]]))
    expected = -(labels * np.log(truth) + (1 - labels) * np.log(1 - truth)).mean()
    np.testing.assert_allclose(BinaryCrossEntropyLoss(0.1)(y_true, y_pred), expected, rtol=1e-5)


@ALL
def test_ignored_candidates_are_as_absent(loss):
    with_ignored = loss([[1.0, 0.0, -1.0, 0.0]], [[0.5, -1.0, 90.0, 2.0]])
    without = loss([[1.0, 0.0, 0.0]], [[0.5, -1.0, 2.0]])
    assert float(without) > 0
    np.testing.assert_allclose(with_ignored, without, rtol=1e-6)


def _gradient(loss, y_true, y_pred):
    y_pred = tf.constant(y_pred)
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        value = loss(tf.constant(y_true), y_pred)
    return value, tape.gradient(value, y_pred)


@ALL
def test_nothing_to_learn_from(loss):
    value, gradient = _gradient(loss, [[-1.0, -1.0, -1.0]], [[0.5, -1.0, 1e4]])
    assert float(value) == 0
    np.testing.assert_array_equal(gradient, np.zeros((1, 3)))


@ALL
def test_far_scores_stay_finite(loss):
    for sign in (1, -1):
        value, gradient = _gradient(loss, [[1.0, 0.0, -1.0]], [[-1e4 * sign, 1e4 * sign, 1e4]])
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


@ALL
def test_gradient_is_the_slope(loss):
    y_true = np.array([[1.0, 0.0, -1.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
    y_pred = np.array([[0.5, -1.0, 3.0, 0.2], [0.1, 0.7, -0.4, 1.3]], "float32")
    _, gradient = _gradient(loss, y_true, y_pred)
    for place in np.ndindex(2, 4):
        step = np.zeros((2, 4))
        step[place] = 5e-2
        slope = (loss(y_true, y_pred + step) - loss(y_true, y_pred - step)) / 1e-1
        np.testing.assert_allclose(gradient[place], slope, rtol=1e-2, atol=2e-3)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("per", ["answer", "query"])
@pytest.mark.parametrize("negative_weight", [1.0, 5.0])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_from_answers_equals_labels(smoothing, per, negative_weight, jit_compile):
    rng = np.random.default_rng(0)
    answers = np.array([[2, 0, -1], [4, -1, -1], [1, 3, 0], [-1, -1, -1]])
    y_pred = rng.normal(size=(4, 5)).astype("float32")
    y_true = np.zeros((4, 5), "float32")
    for row, column in zip(*np.nonzero(answers >= 0), strict=True):
        y_true[row, answers[row, column]] = 1.0
    loss = CrossEntropyLoss(smoothing, per, negative_weight, reduction="none")
    weight = rng.normal(size=4)

    @tf.function(jit_compile=jit_compile)
    def value_and_gradient(y_pred, labels, form):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = form(labels, y_pred)
            total = tf.reduce_sum(value * weight)
        return value, tape.gradient(total, y_pred)

    by_labels = value_and_gradient(tf.constant(y_pred), tf.constant(y_true), loss)
    by_answers = value_and_gradient(tf.constant(y_pred), tf.constant(answers), loss.from_answers)
    for one, other in zip(by_answers, by_labels, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@ALL
def test_config_round_trip(loss):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"`label_smoothing` must be a rate in \[0, 1\)"):
        CrossEntropyLoss(1.0)
    with pytest.raises(ValueError, match="`per` must be one of 'answer', 'query'"):
        CrossEntropyLoss(per="batch")
    with pytest.raises(ValueError, match=r"`negative_weight` must be above 0\. Received: 0"):
        CrossEntropyLoss(negative_weight=0)
    with pytest.raises(ValueError, match=r"`label_smoothing` must be a rate in \[0, 1\)"):
        BinaryCrossEntropyLoss(-0.1)
    with pytest.raises(ValueError, match="`margin` must be finite and at least 0"):
        MarginRankingLoss(-1.0)


_SCRIPT = """
import json, keras, numpy as np
from kgkeras import losses

y_true = np.array([[1, 0, 0, -1], [1, 1, 0, 0]], "float32")
y_pred = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
answers = np.array([[0, -1], [1, 0]], "int32")
entropy = losses.CrossEntropyLoss(0.2, negative_weight=3.0)
functions = {
    "entropy": lambda x: entropy(y_true, x),
    "answers": lambda x: keras.ops.mean(entropy.from_answers(answers, x)),
    "margin": lambda x: losses.MarginRankingLoss()(y_true, x),
    "softplus": lambda x: losses.SoftplusLoss()(y_true, x),
    "binary": lambda x: losses.BinaryCrossEntropyLoss(0.1)(y_true, x),
}
def value_and_gradient(function, x):
    if keras.backend.backend() == "jax":
        import jax
        return jax.jit(jax.value_and_grad(function))(x)
    import tensorflow as tf
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return value, tape.gradient(value, x)
results = {
    name: [np.asarray(part).tolist() for part in value_and_gradient(function, y_pred)]
    for name, function in functions.items()
}
print(json.dumps({"backend": keras.backend.backend(), "results": results}))
"""


def _results(backend):
    output = last_json(_SCRIPT, KERAS_BACKEND=backend)
    assert output["backend"] == backend
    return output["results"]


@pytest.mark.slow
def test_jax_gives_the_same_values_and_gradients():
    pytest.importorskip("jax")
    tensorflow, jax = _results("tensorflow"), _results("jax")
    assert tensorflow.keys() == jax.keys()
    for name, parts in tensorflow.items():
        for expected, actual in zip(parts, jax[name], strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6, err_msg=name)
