"""A mean of figures, by which training stops."""

import keras
import numpy as np
import pytest

from kgkeras import training


def test_the_weighed_mean_is_logged_and_watched():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"], jit_compile=False)
    x, y = np.ones((8, 2)), np.ones((8, 1))
    combined = training.CombinedFigure({"loss": -1.0, "mae": 3.0}, name="mean")
    stop = keras.callbacks.EarlyStopping("mean", mode="max", patience=0, min_delta=10)
    log = model.fit(x, y, epochs=5, verbose=0, callbacks=[combined, stop]).history
    wanted = (3 * np.array(log["mae"]) - log["loss"]) / 4
    np.testing.assert_allclose(log["mean"], wanted, rtol=1e-6)
    assert len(log["mean"]) == 2


def test_bad_weights():
    with pytest.raises(ValueError, match="must name at least one figure"):
        training.CombinedFigure({})
    with pytest.raises(ValueError, match="none weighing 0"):
        training.CombinedFigure({"loss": 0.0})
    with pytest.raises(ValueError, match=r"must name logged figures, \['loss'\]"):
        training.CombinedFigure({"val_loss": 1.0}).on_epoch_end(0, {"loss": 1.0})
