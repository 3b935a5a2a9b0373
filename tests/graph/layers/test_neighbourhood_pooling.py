import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras.graph import layers
from tests.layer_check import check_layer

POOLINGS = ["mean", "sum", "max", "attention"]
every_pooling = pytest.mark.parametrize("pooling", POOLINGS)
RNG = np.random.default_rng(3)
NODES = RNG.normal(size=(3, 4, 6)).astype("float32")
MASK = np.array([[True, False, True, True], [False] * 4, [False, True, False, False]])


def _pooled(layer, states):
    """The formula, for the states of one graph without padding."""
    weights = {weight.name: np.asarray(weight) for weight in layer.weights}
    if layer.units:
        states = states @ weights["kernel"] + weights["bias"]
    if not len(states):
        return np.zeros(states.shape[-1])
    if layer.pooling == "attention":
        powers = np.exp(states @ weights["query"])
        return np.sum(powers / powers.sum() * states, axis=0)
    return {"mean": np.mean, "sum": np.sum, "max": np.max}[layer.pooling](states, axis=0)


@every_pooling
@pytest.mark.parametrize("units", [None, 5])
def test_formula(pooling, units):
    layer = layers.NeighbourhoodPooling(pooling, units)
    dim, count = units or 6, 2 * bool(units) + (pooling == "attention")
    found = check_layer(layer, (NODES,), expected_shape=(3, dim), num_weights=count)
    masked = np.asarray(layer(NODES, MASK))
    wild = np.asarray(layer(np.where(MASK[..., None], NODES, np.nan), MASK))
    np.testing.assert_array_equal(wild, masked)
    for row, states in enumerate(NODES):
        np.testing.assert_allclose(found[row], _pooled(layer, states), rtol=1e-5, atol=1e-5)
        wanted = _pooled(layer, states[MASK[row]])
        np.testing.assert_allclose(masked[row], wanted, rtol=1e-5, atol=1e-5)
        alone = layer(states, MASK[row])
        assert alone.shape == (dim,)
        np.testing.assert_allclose(alone, wanted, rtol=1e-5, atol=1e-5)
        order = RNG.permutation(4)
        again = layer(states[order], MASK[row][order])
        np.testing.assert_allclose(again, wanted, rtol=1e-5, atol=1e-5)


@every_pooling
def test_no_nodes(pooling):
    layer = layers.NeighbourhoodPooling(pooling)
    np.testing.assert_array_equal(layer(NODES[:, :0]), np.zeros((3, 6)))
    np.testing.assert_array_equal(layer(NODES[0, :0]), np.zeros(6))
    assert layer(NODES[:0]).shape == (0, 6)
    states = tf.constant(NODES)
    with tf.GradientTape() as tape:
        tape.watch(states)
        pooled = layer(states, MASK)
    gradient = np.asarray(tape.gradient(pooled, states))
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[~MASK], np.zeros((8, 6)))
    assert gradient[MASK].any()


@every_pooling
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(pooling, policy):
    layer = layers.NeighbourhoodPooling(pooling, 5, dtype=policy)
    found = layer(NODES, MASK)
    assert keras.backend.standardize_dtype(found.dtype) == policy.removeprefix("mixed_")
    for row, states in enumerate(NODES):
        wanted = _pooled(layer, states[MASK[row]])
        np.testing.assert_allclose(tf.cast(found[row], "float32"), wanted, rtol=0.05, atol=0.1)


def test_bad_arguments():
    with pytest.raises(ValueError, match="`pooling` must be one of"):
        layers.NeighbourhoodPooling("median")
    with pytest.raises(ValueError, match="`units` must be a positive integer"):
        layers.NeighbourhoodPooling(units=0)
    with pytest.raises(ValueError, match="NeighbourhoodPooling needs nodes"):
        layers.NeighbourhoodPooling()(NODES[0, 0])
    with pytest.raises(ValueError, match="and a mask of the same shape"):
        layers.NeighbourhoodPooling()(NODES, MASK[0])
