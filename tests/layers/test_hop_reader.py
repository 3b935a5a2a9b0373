"""A question's hops against the formula in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import layers
from tests import reference

HOPS, RELATIONS, DIM = 3, 5, 6
TEXT = np.random.default_rng(0).normal(size=(3, 4, DIM)).astype("float32")
WORDS = np.array([[True] * 4, [True, True, False, False], [False] * 4])


def _reader(**arguments):
    return layers.HopReader(RELATIONS, HOPS, **arguments)


def _formula(reader, text):
    """The weights of one question, of its words `(words, dim)` alone."""
    weights = {weight.path.split("/")[-2]: [] for weight in reader.weights}
    for weight in reader.weights:
        weights[weight.path.split("/")[-2]].append(np.asarray(weight, "float64"))
    (queries,), (choices, bias), (length, shift) = (
        weights[name] for name in ("queries", "choices", "length")
    )
    mean = text.mean(axis=0)
    relations = []
    for hop in range(HOPS):
        attention = reference.softmax(text @ np.tanh(mean @ queries[:, hop]))
        relations.append(reference.softmax(attention @ text @ choices[hop] + bias[hop]))
    return np.array(relations), reference.softmax(mean @ length + shift)


def _randomised(reader):
    """Weights and biases at random: a bias of zeros would hide that it is left out."""
    reader(TEXT, WORDS)
    rng = np.random.default_rng(1)
    reader.set_weights([rng.normal(size=w.shape) for w in reader.weights])
    return reader


def test_formula():
    reader = _randomised(_reader())
    outputs = [np.asarray(x) for x in reader(TEXT, WORDS)]
    assert [x.shape for x in outputs] == [(3, HOPS, RELATIONS), (3, HOPS)]
    for row in (0, 1):
        for found, wanted in zip(outputs, _formula(reader, TEXT[row][WORDS[row]]), strict=True):
            np.testing.assert_allclose(found[row], wanted, rtol=1e-4, atol=1e-6)
    for found in outputs:
        np.testing.assert_allclose(found.sum(axis=-1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("nonsense", [1e6, np.nan, np.inf])
def test_padding_does_not_matter(nonsense):
    reader = _randomised(_reader())
    wanted = reader(TEXT, WORDS)
    other = np.where(WORDS[..., None], TEXT, nonsense).astype("float32")
    longer = np.pad(other, [[0, 0], [0, 3], [0, 0]], constant_values=nonsense)
    mask = np.pad(WORDS, [[0, 0], [0, 3]])
    for found in (reader(other, WORDS), reader(longer, mask)):
        for one, two in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_symbolic_graph_xla_and_config(policy):
    reader = _reader(dropout=0.25, dtype=policy)
    eager = reader(TEXT, WORDS)
    assert len(reader.trainable_weights) == 5
    symbolic = reader(keras.Input((None, DIM)), keras.Input((None,), dtype="bool"))
    assert [(x.shape, x.dtype) for x in symbolic] == [
        ((None, HOPS, RELATIONS), "float32"),
        ((None, HOPS), "float32"),
    ]
    again = layers.HopReader.from_config(reader.get_config())
    assert again.get_config() == reader.get_config()
    again(TEXT, WORDS)
    again.set_weights(reader.get_weights())
    calls = [again]
    calls += [tf.function(lambda *x: reader(*x), jit_compile=xla) for xla in (False, True)]
    for call in calls:
        for found, wanted in zip(call(tf.constant(TEXT), tf.constant(WORDS)), eager, strict=True):
            assert found.dtype == "float32"
            np.testing.assert_allclose(found, wanted, rtol=1e-4 if policy == "float32" else 0.02)


def test_every_weight_has_a_gradient():
    reader = _randomised(_reader())
    with tf.GradientTape() as tape:
        loss = sum(tf.reduce_sum(tf.square(x)) for x in reader(TEXT, WORDS))
    for gradient in tape.gradient(loss, [w.value for w in reader.trainable_weights]):
        assert np.isfinite(gradient).all()
        assert np.any(gradient != 0)


def test_dropout_only_in_training():
    reader = _randomised(_reader(dropout=0.5))
    relations, lengths = (np.asarray(x) for x in reader(TEXT, WORDS))
    dropped, same = (np.asarray(x) for x in reader(TEXT, WORDS, training=True))
    assert not np.allclose(dropped, relations)
    np.testing.assert_array_equal(same, lengths)


def test_one_hop_and_one_relation():
    relations, lengths = layers.HopReader(1, 1)(TEXT, WORDS)
    np.testing.assert_array_equal(relations, np.ones((3, 1, 1)))
    np.testing.assert_array_equal(lengths, np.ones((3, 1)))


def test_bad_arguments():
    with pytest.raises(ValueError, match="`num_relations` must be a positive integer"):
        layers.HopReader(0, 2)
    with pytest.raises(ValueError, match="`hops` must be a positive integer"):
        layers.HopReader(2, True)
    with pytest.raises(ValueError, match=r"`dropout` must be a rate in \[0, 1\)"):
        layers.HopReader(2, 2, dropout=1)
