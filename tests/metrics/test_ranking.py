import keras
import numpy as np
import pytest

from kgkeras import metrics

RANKS = np.array([1.0, 2.0, 2.5, 10.0, 11.0])


@pytest.mark.parametrize(
    ("metric", "name", "value", "direction"),
    [
        (metrics.MeanReciprocalRank(), "mrr", (1 + 0.5 + 0.4 + 0.1 + 1 / 11) / 5, "up"),
        (metrics.MeanRank(), "mr", 26.5 / 5, "down"),
        (metrics.HitsAt(1), "hits@1", 0.2, "up"),
        (metrics.HitsAt(2), "hits@2", 0.4, "up"),
        (metrics.HitsAt(), "hits@10", 0.8, "up"),
    ],
)
def test_values_in_parts(metric, name, value, direction):
    assert metric.name == name
    assert metric._direction == direction
    metric.update_state(RANKS[:2])
    metric.update_state(RANKS[2:])
    np.testing.assert_allclose(float(metric.result()), value, rtol=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_weights():
    metric = metrics.MeanRank()
    metric.update_state(RANKS, sample_weight=[1, 0, 0, 3, 0])
    assert float(metric.result()) == 31 / 4


@pytest.mark.parametrize("cls", [metrics.MeanReciprocalRank, metrics.MeanRank, metrics.HitsAt])
def test_configuration_round_trip(cls):
    metric = cls(name="mine", **({"k": 7} if cls is metrics.HitsAt else {}))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(again) is cls
    assert again.get_config() == metric.get_config()
    assert again.name == "mine"


def test_k_must_be_positive():
    with pytest.raises(ValueError, match=r"`k` must be a positive integer. Received: 0"):
        metrics.HitsAt(0)
