"""The distance of a student's answers from its teacher's, beside its definition."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras.losses import DistillationLoss

ROWS = st.lists(st.tuples(st.floats(-8, 8, width=32), st.floats(-8, 8, width=32)), min_size=1)


def _reference(teacher, student, temperature):
    p, q = (np.exp(scores / temperature) for scores in (teacher, student))
    p, q = p / p.sum(), q / q.sum()
    return temperature**2 * sum(a * np.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


@settings(deadline=None, max_examples=40)
@given(row=ROWS, temperature=st.sampled_from([0.5, 1.0, 3.0]))
def test_formula(row, temperature):
    teacher, student = np.array(row, "float64").T
    found = DistillationLoss(temperature)(teacher[None], student[None])
    expected = _reference(teacher, student, temperature)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    same = DistillationLoss(temperature)(teacher[None], teacher[None] + 3.0)
    np.testing.assert_allclose(same, 0.0, atol=1e-4)


def test_mean_weights_and_candidates_left_out():
    rng = np.random.default_rng(0)
    teacher, student = rng.normal(size=(2, 4, 5)).astype("float32")
    teacher[1, 2] = -np.inf
    rows = [_reference(t, s, 2.0) for t, s in zip(teacher, student, strict=True)]
    student = tf.constant(student)
    with tf.GradientTape() as tape:
        tape.watch(student)
        loss = DistillationLoss()(teacher, student)
    np.testing.assert_allclose(loss, np.mean(rows), rtol=1e-4)
    assert np.isfinite(tape.gradient(loss, student)).all()
    weights = np.array([1.0, 0.0, 2.0, 0.5], "float32")
    weighted = DistillationLoss()(teacher, student, weights)
    np.testing.assert_allclose(weighted, np.dot(rows, weights) / 4, rtol=1e-4)


def test_config():
    loss = DistillationLoss(3.0, reduction="sum")
    again = DistillationLoss.from_config(loss.get_config())
    assert again.get_config() == loss.get_config()
    assert again.temperature == 3.0


@pytest.mark.parametrize("temperature", [0, 0.0, -1, np.inf, "1"])
def test_wrong_temperature(temperature):
    with pytest.raises(ValueError, match="`temperature` must be"):
        DistillationLoss(temperature)


def test_as_many_candidates():
    with pytest.raises(ValueError, match=r"as many candidates\. Received: 1 and 3"):
        DistillationLoss()(np.ones((2, 1)), np.ones((2, 3)))
