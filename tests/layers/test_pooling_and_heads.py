import keras
import numpy as np
import pytest

from kgkeras import layers
from tests.layer_check import check_layer

TEXT = np.random.default_rng(0).normal(size=(2, 4, 6)).astype("float32")
TOKENS = np.array([[7, 5, 9, 5], [9, 0, 0, 0]], "int32")
WORDS = np.array([[True] * 4, [True, False, False, False]])


def test_mean_pooling():
    pooled = check_layer(
        layers.MeanPooling(), (TEXT, TOKENS, WORDS), expected_shape=(2, 6), num_weights=0
    )
    np.testing.assert_allclose(pooled[0], TEXT[0].mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(pooled[1], TEXT[1, 0], rtol=1e-6)


def test_mean_of_no_words_is_zero():
    pooled = layers.MeanPooling()(TEXT, TOKENS, np.zeros((2, 4), bool))
    np.testing.assert_array_equal(pooled, np.zeros((2, 6)))


def test_token_pooling_takes_first_occurrences():
    layer = layers.TokenPooling([5, 9, 0])
    pooled = check_layer(layer, (TEXT, TOKENS, WORDS), expected_shape=(2, 18), num_weights=0)
    np.testing.assert_allclose(pooled[0, :6], TEXT[0, 1], rtol=1e-6)
    np.testing.assert_allclose(pooled[0, 6:12], TEXT[0, 2], rtol=1e-6)
    np.testing.assert_array_equal(pooled[1, :6], np.zeros(6))  # does not occur
    np.testing.assert_array_equal(pooled[1, 12:], np.zeros(6))  # occurs in padding only


def test_token_pooling_needs_ids():
    with pytest.raises(ValueError, match="`ids` must hold at least one token id"):
        layers.TokenPooling([])


def test_mention_ids():
    layer = layers.MentionIds(3)
    symbolic = layer(keras.Input((None,), dtype="int32"))
    assert symbolic.shape == (None, 3)
    assert symbolic.dtype == "int32"
    np.testing.assert_array_equal(layer(np.array([[-1, 4, 4, 2]], "int32")), [[4, 2, -1]])


@pytest.mark.parametrize(
    ("kind", "classes", "weights"), [("multiclass", 3, 4), ("multilabel", 3, 4), ("binary", 1, 4)]
)
def test_heads(kind, classes, weights):
    head = layers.ClassificationHead(classes, kind=kind, hidden_dim=5)
    logits = check_layer(head, (TEXT[0],), expected_shape=(4, classes), num_weights=weights)
    scores = np.asarray(head.probabilities(logits))
    assert ((scores > 0) & (scores < 1)).all()
    if kind == "multiclass":
        np.testing.assert_allclose(scores.sum(axis=-1), 1.0, rtol=1e-6)
    targets = np.ones(4) if kind == "multiclass" else np.ones((4, classes))
    assert float(head.loss()(targets, logits)) > 0
    metric = head.accuracy()
    metric.update_state(targets, logits)
    right = logits.argmax(-1) == 1 if kind == "multiclass" else logits > 0
    np.testing.assert_allclose(metric.result(), right.mean(), rtol=1e-6)


def test_head_keeps_float32_logits_under_mixed_precision():
    head = layers.ClassificationHead(3, hidden_dim=5, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(head(TEXT[0]).dtype) == "float32"


def test_bad_heads():
    with pytest.raises(ValueError, match=r"`num_classes` must be 1\. Received: 2"):
        layers.ClassificationHead(2, kind="binary")
    with pytest.raises(ValueError, match="`kind` must be one of 'multiclass'"):
        layers.ClassificationHead(2, kind="ordinal")
