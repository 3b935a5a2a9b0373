import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras.losses import NegativeSamplingLoss
from tests import reference

SCORES = st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=6)


@settings(deadline=None, max_examples=40)
@given(scores=SCORES, margin=st.floats(-2, 9, width=32), temperature=st.floats(0, 2, width=32))
def test_agrees_with_the_reference(scores, margin, temperature):
    y_pred = np.array([scores], "float32")
    y_true = np.eye(1, len(scores), dtype="float32")
    loss = NegativeSamplingLoss(margin, temperature)(y_true, y_pred)
    positive, negatives = np.float64(y_pred[0, 0]), y_pred[0, 1:].astype("float64")
    expected = reference.negative_sampling(positive, negatives, margin, temperature)
    np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-5)


def test_ignored_candidates_are_as_absent():
    loss = NegativeSamplingLoss()
    with_ignored = loss([[1.0, 0.0, -1.0, 0.0]], [[0.5, -1.0, 9.0, 2.0]])
    without = loss([[1.0, 0.0, 0.0]], [[0.5, -1.0, 2.0]])
    np.testing.assert_allclose(with_ignored, without, rtol=1e-6)


def test_nothing_but_ignored_candidates():
    loss = NegativeSamplingLoss()([[1.0, -1.0, -1.0]], [[0.5, 7.0, 7.0]])
    np.testing.assert_allclose(loss, -reference.log_sigmoid(0.5), rtol=1e-6)


def test_far_scores_do_not_overflow():
    loss = NegativeSamplingLoss()([[1.0, 0.0]], [[-1e4, 1e4]])
    np.testing.assert_allclose(loss, 2e4, rtol=1e-6)


def test_config_round_trip():
    loss = NegativeSamplingLoss(margin=9.0, temperature=0.5)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert (again.margin, again.temperature) == (9.0, 0.5)


def test_negative_temperature():
    with pytest.raises(ValueError, match="`temperature` must be finite and at least 0"):
        NegativeSamplingLoss(temperature=-1.0)
