"""Marked mentions, and what a graph knows about two of them."""

import keras
import numpy as np
import pytest

from kgkeras import layers, scorers
from tests import reference
from tests.layer_check import check_layer

TOKENS = np.array(
    [
        [1, 6, 2, 3, 7, 4, 8, 5, 9, 1],  # both mentions, one of two words
        [8, 2, 9, 6, 3, 4, 7, 6, 5, 7],  # the second one first; the marks of the first twice
        [1, 2, 6, 3, 4, 5, 1, 2, 3, 4],  # the first is cut off, the second is missing
        [6, 7, 8, 9, 1, 2, 3, 4, 5, 1],  # both are empty
    ],
    "int32",
)
ENTITIES = np.array(
    [
        [9, -1, 4, 5, -1, 9, -1, -1, -1, 9],
        [-1, 7, -1, -1, 0, -1, -1, -1, 3, -1],
        [9, 9, -1, -1, 2, -1, -1, -1, -1, -1],
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ],
    "int32",
)


def test_marked_entities():
    layer = layers.MarkedEntities([6, 7, 8, 9])
    found = check_layer(layer, (TOKENS, ENTITIES), expected_shape=(4, 2), num_weights=0)
    # Of row 3 both mentions are empty but for the marks, which are never linked.
    unmarked = np.where(np.isin(TOKENS, (6, 7, 8, 9)), -1, ENTITIES)
    np.testing.assert_array_equal(found[:3], [[5, -1], [0, 7], [2, -1]])
    np.testing.assert_array_equal(layer(TOKENS, unmarked)[3], [-1, -1])


@pytest.mark.parametrize("marks", [[], [1, 2, 3], [1, 2, 2, 3]])
def test_marks_come_in_pairs(marks):
    with pytest.raises(ValueError, match="`marks` must be pairs of different token ids"):
        layers.MarkedEntities(marks)


class _Tables:
    def __init__(self, scorer):
        self.relations = layers.RelationEmbedding(3, scorer.relation_dim(8), name="relations")
        self.reader = layers.PairReader(scorer, self.relations)


def test_pair_reader_agrees_with_numpy():
    rng = np.random.default_rng(0)
    tables = _Tables(scorers.DistMult())
    text = rng.normal(size=(3, 5)).astype("float32")
    mentions = rng.normal(size=(3, 2, 8)).astype("float32")
    known = np.array([[True, True], [True, False], [False, False]])
    out = check_layer(
        tables.reader, (text, mentions, known), expected_shape=(3, 4 * 8 + 4 * 3 + 2), num_weights=1
    )
    h, t = mentions[0]
    table = np.asarray(tables.relations.table)
    scores = [reference.distmult(a, table, b) for a, b in ((h, t), (t, h))]
    scores = np.concatenate(scores)
    expected = np.concatenate([h, t, h * t, abs(h - t), scores, 1 / (1 + np.exp(-scores)), [1, 1]])
    np.testing.assert_allclose(out[0], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(out[1, :8], mentions[1, 0])
    np.testing.assert_array_equal(out[1, 8:-2], np.zeros(4 * 8 + 4 * 3 - 8))
    np.testing.assert_array_equal(out[1:, -2:], [[1, 0], [0, 0]])
    np.testing.assert_array_equal(out[2], np.zeros(len(out[2])))


@pytest.mark.parametrize("kind", [scorers.ComplEx, scorers.TransE, scorers.RotatE])
def test_pair_reader_tells_directions_apart(kind):
    rng = np.random.default_rng(0)
    mentions = rng.normal(size=(2, 2, 8)).astype("float32")
    known = np.ones((2, 2), bool)
    reader = _Tables(kind()).reader
    out = np.asarray(reader(mentions[:, 0], mentions, known))
    back = np.asarray(reader(mentions[:, 0], mentions[:, ::-1], known))
    there = slice(32, 35), slice(35, 38)
    np.testing.assert_allclose(out[:, there[0]], back[:, there[1]], rtol=1e-5)
    assert not np.allclose(out[:, there[0]], out[:, there[1]])


def test_scorers_with_weights_are_built_with_the_reader():
    scorer = scorers.TuckER(relation_dim=8)
    reader = _Tables(scorer).reader
    reader(keras.Input((4,)), keras.Input((2, 8)), keras.Input((2,), dtype="bool"))
    assert scorer.built


def test_unknown_vectors_do_not_leak():
    reader = _Tables(scorers.DistMult()).reader
    mentions = np.full((1, 2, 8), np.nan, "float32")
    out = np.asarray(reader(mentions[:, 0], mentions, np.array([[False, False]])))
    np.testing.assert_array_equal(out, np.zeros_like(out))


def test_a_pair_is_two():
    reader = _Tables(scorers.DistMult()).reader
    with pytest.raises(ValueError, match=r"needs mentions `\(batch, 2, dim\)`. Received: \(1, 3"):
        reader(np.zeros((1, 4)), np.zeros((1, 3, 8)), np.zeros((1, 3), bool))
