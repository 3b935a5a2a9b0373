"""The best tags that may follow one another."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from kgkeras.text import best_tags

TAGS = 5  # O, and two types


def allowed(tags):
    return all(
        tag == 0 or tag % 2 or (before + 1) // 2 == tag // 2
        for before, tag in itertools.pairwise([0, *tags])
    )


@pytest.mark.parametrize("traced", [False, True])
def test_are_the_best_of_all(traced):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (24, 7, TAGS)).astype("float32")
    words = rng.random((24, 7)) < 0.6
    words[0] = False
    words[1] = True
    words[:, 5] &= rng.random(24) < 0.1
    function = best_tags
    if traced:
        specs = [tf.TensorSpec([None, None, TAGS]), tf.TensorSpec([None, None], tf.bool)]
        function = tf.function(best_tags, input_signature=specs)
    found = function(logits, words).numpy()
    assert (found[~words] == -1).all()
    for row in range(24):
        scores = logits[row][words[row]]
        scores = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
        ways = [w for w in itertools.product(range(TAGS), repeat=len(scores)) if allowed(w)]
        totals = [sum(s[t] for s, t in zip(scores, way, strict=True)) for way in ways]
        assert tuple(found[row][words[row]]) == ways[int(np.argmax(totals))]


def test_however_sure():
    logits = np.zeros((1, 3, TAGS), "float32")
    logits[0, :, 2] = 1e6  # goes on with what has not begun
    found = best_tags(logits, np.ones((1, 3), bool)).numpy()[0].tolist()
    assert allowed(found)
    assert found[1:] == [2, 2]


def test_nothing_to_tag():
    found = best_tags(tf.zeros((2, 3, TAGS)), tf.zeros((2, 3), tf.bool))
    assert found.numpy().tolist() == [[-1] * 3] * 2
    assert best_tags(tf.zeros((0, 3, TAGS)), tf.zeros((0, 3), tf.bool)).shape == (0, 3)
