import keras
import numpy as np
import pytest

from kgkeras.optimizers import MultiRateAdam


def _model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="a")])
    model.add(keras.layers.Dense(1, name="b"))
    model.set_weights([np.full(w.shape, 0.3) for w in model.get_weights()])
    return model


def _fit(optimizer):
    model = _model()
    model.compile(optimizer, "mse")
    x = np.arange(12.0).reshape(4, 3)
    model.fit(x, x[:, :1], epochs=3, verbose=0)
    return {layer.name: layer.get_weights() for layer in model.layers}


def test_multiplied_rate_equals_adam_at_that_rate():
    plain, fast = _fit(keras.optimizers.AdamW(1e-3)), None
    # One step: later ones depend on what the other layer did.
    model, reference = _model(), _model()
    model.compile(MultiRateAdam(1e-3, {"b/": 10.0}, weight_decay=0.0), "mse")
    reference.compile(keras.optimizers.AdamW(1e-2, weight_decay=0.0), "mse")
    x = np.arange(12.0).reshape(4, 3)
    for each in (model, reference):
        each.fit(x, x[:, :1], epochs=1, verbose=0)
    np.testing.assert_allclose(
        model.layers[1].get_weights()[0], reference.layers[1].get_weights()[0]
    )
    fast = model.layers[0].get_weights()[0] - 0.3
    np.testing.assert_allclose(10 * fast, reference.layers[0].get_weights()[0] - 0.3, rtol=1e-4)
    for name, weights in _fit(MultiRateAdam(1e-3)).items():
        for one, other in zip(weights, plain[name], strict=True):
            np.testing.assert_array_equal(one, other)


def test_factor_zero_freezes():
    weights = _fit(MultiRateAdam(1e-1, {"a/": 0.0}, weight_decay=0.0))
    np.testing.assert_allclose(weights["a"][0], 0.3)
    assert not np.allclose(weights["b"][0], 0.3)


def test_config_round_trip():
    optimizer = MultiRateAdam(1e-3, {"table": 5.0}, weight_decay=0.1)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert again.multipliers == {"table": 5.0}
    assert again.weight_decay == 0.1


def test_bad_multipliers():
    with pytest.raises(ValueError, match=r"`multipliers\['x'\]` must be finite and at least 0"):
        MultiRateAdam(multipliers={"x": -1.0})
    with pytest.raises(ValueError, match="`multipliers` must be a dict"):
        MultiRateAdam(multipliers=[3.0])
