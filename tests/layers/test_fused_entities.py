"""Vectors of text and structure beside NumPy's own, and what they do where one is missing."""

import math

import keras
import numpy as np
import pytest

from kgkeras import layers
from kgkeras.layers.fused_entities import seen_as

ROWS, DIM, TEXT = 7, 4, 5
FUSIONS = {
    "concat": layers.ConcatFusion,
    "sum": layers.SumFusion,
    "gated": lambda: layers.GatedFusion(initial_bias=0.5),
    "attention": layers.AttentionFusion,
}


def _texts(seed=0):
    return np.random.default_rng(seed).normal(size=(ROWS, TEXT)).astype("float32")


def _layer(fusion="gated", **options):
    structured = np.arange(ROWS) != 3
    options = {"structured": structured, "hidden": 6, "name": "entities", **options}
    made = FUSIONS[fusion]() if fusion else None
    layer = layers.FusedEntityEmbedding(ROWS, DIM, _texts(), fusion=made, **options)
    layer.build()
    for weight in layer.trainable_weights:
        weight.assign(keras.random.normal(weight.shape, seed=len(weight.path)))
    return layer


def _weights(layer):
    return {w.path.split("entities/", 1)[1]: np.asarray(w) for w in layer.weights}


def _gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / np.sqrt(2)))


def _projected(weights, texts):
    """`P t` by NumPy."""
    mean, deviation = texts.mean(-1, keepdims=True), texts.var(-1, keepdims=True)
    x = (texts - mean) / np.sqrt(deviation + 1e-3)
    x = x * weights["normalised/gamma"] + weights["normalised/beta"]
    x = _gelu(x @ weights["hidden/kernel"] + weights["hidden/bias"])
    return x @ weights["projection/kernel"] + weights["projection/bias"]


def test_the_gate_by_numpy():
    layer = _layer("gated")
    weights = _weights(layer)
    texts = _projected(weights, _texts())
    table = np.where(np.arange(ROWS)[:, None] == 3, 0, weights["table"])
    (gate,) = (name.rsplit("/", 2)[0] for name in weights if name.endswith("gate/kernel"))
    knowledge = np.tanh(
        texts @ weights[f"{gate}/projection/kernel"] + weights[f"{gate}/projection/bias"]
    )
    both = np.concatenate([table, knowledge], axis=1)
    opened = 1 / (
        1 + np.exp(-(both @ weights[f"{gate}/gate/kernel"] + weights[f"{gate}/gate/bias"]))
    )
    wanted = table + opened * knowledge
    np.testing.assert_allclose(layer.vectors(), wanted, rtol=1e-4, atol=1e-5)
    ids = np.array([[2, -1], [3, 6]])
    found = np.asarray(layer(ids))
    np.testing.assert_allclose(found[0, 0], wanted[2], rtol=1e-4, atol=1e-5)
    assert not found[0, 1].any()
    np.testing.assert_allclose(found[1], wanted[[3, 6]], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fusion", [*FUSIONS, None])
def test_look_ups_are_rows_and_structure_matters_where_there_is_some(fusion):
    layer = _layer(fusion)
    everything = np.asarray(layer.vectors())
    np.testing.assert_allclose(layer(np.arange(ROWS)), everything, rtol=1e-5, atol=1e-6)
    assert everything.shape == (ROWS, DIM)
    if fusion is None:
        assert not any(w.path.endswith("table") for w in layer.weights)
        return
    layer.table.assign(layer.table * -3.0 + 1.0)
    moved = np.abs(np.asarray(layer.vectors()) - everything).max(axis=1) > 1e-4
    assert moved.tolist() == (np.arange(ROWS) != 3).tolist()


@pytest.mark.parametrize("fusion", list(FUSIONS))
def test_structure_is_left_out_at_random_in_training_alone(fusion):
    layer = _layer(fusion, structure_dropout=0.5)
    calm = np.asarray(layer(np.arange(ROWS)))
    table = layer.table + 0.0
    layer.table.assign(table * 0)
    texts = np.asarray(layer(np.arange(ROWS)))
    layer.table.assign(table)
    ids = np.tile(np.arange(ROWS), 60)
    found = np.asarray(layer(ids, training=True)).reshape(60, ROWS, DIM)
    alone = np.abs(found - texts).max(axis=-1) < 1e-4
    assert alone[:, 3].all()
    assert 0.35 < np.delete(alone, 3, axis=1).mean() < 0.65
    kept = found[~alone]
    rows = np.broadcast_to(calm, found.shape)[~alone]
    np.testing.assert_allclose(kept, rows, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("fusion", list(FUSIONS))
def test_either_can_be_seen_alone(fusion):
    layer = _layer(fusion)
    table = np.where(np.arange(ROWS)[:, None] == 3, 0, np.asarray(layer.table))
    both = np.asarray(layer.vectors())
    with seen_as("structure"):
        np.testing.assert_allclose(layer.vectors(), table)
        np.testing.assert_allclose(layer(np.array([2, 3, -1])), [table[2], table[3], 0 * table[3]])
    with seen_as("text"):
        alone = np.asarray(layer.vectors())
    np.testing.assert_allclose(layer.vectors(), both)
    np.testing.assert_allclose(alone[3], both[3], rtol=1e-5)
    layer.table.assign(layer.table * 0)
    np.testing.assert_allclose(layer.vectors(), alone, rtol=1e-5, atol=1e-6)


def test_saved_as_configuration_and_weights():
    layer = _layer("concat", structure_dropout=0.25, text_dropout=0.5, dropout=0.125)
    twin = layers.FusedEntityEmbedding.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    twin.build()
    assert np.asarray(twin.structured).all()  # saved weights say otherwise
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(twin.vectors(), layer.vectors())
    assert {w.path.rsplit("/", 1)[1] for w in layer.non_trainable_weights} == {
        "texts",
        "structured",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_vectors": np.zeros((6, 3))}, "`text_vectors` must be 7 rows of finite numbers"),
        ({"text_vectors": np.full((7, 3), np.nan)}, "`text_vectors` must be 7 rows of finite"),
        ({"structured": np.ones(3)}, r"`structured` must have the shape \(7,\)"),
        ({"fusion": "gated"}, "`fusion` must be a layers.Fusion or None"),
        ({"structure_dropout": 1.5}, "`structure_dropout` must be"),
        ({"text_vectors": None}, "`text_dim` must be"),
        ({"hidden": 0}, "`hidden` must be"),
    ],
)
def test_bad_arguments(options, message):
    options = {"text_vectors": _texts(), **options}
    with pytest.raises(ValueError, match=message):
        layers.FusedEntityEmbedding(ROWS, DIM, **options)
