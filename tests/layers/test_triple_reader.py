import itertools

import numpy as np

from kgkeras import layers, scorers
from tests import reference
from tests.layer_check import check_layer

RNG = np.random.default_rng(0)
TEXT = RNG.normal(size=(3, 5)).astype("float32")
MENTIONS = RNG.normal(size=(3, 4, 6)).astype("float32")
KNOWN = np.array([[True, True, True, False], [False, True, False, False], [False] * 4])


def _reader():
    return layers.TripleReader(scorers.ComplEx(), layers.RelationEmbedding(7, 6), readings=2)


def test_contract_and_numpy():
    reader = _reader()
    features = check_layer(reader, (TEXT, MENTIONS, KNOWN), expected_shape=(3, 4), num_weights=3)
    kernel, bias = (np.asarray(w) for w in (reader.choice.kernel, reader.choice.bias))
    weights = reference.softmax((TEXT[0] @ kernel + bias).reshape(2, 7))
    relation = weights @ np.asarray(reader.relations.table)
    for reading in range(2):
        scores = [
            reference.complex_score(MENTIONS[0, i], relation[reading], MENTIONS[0, j])
            for i, j in itertools.permutations(range(3), 2)
        ]
        expected = np.log(np.sum(np.exp(scores)))
        np.testing.assert_allclose(features[0, reading], expected, rtol=1e-4)
        np.testing.assert_allclose(
            features[0, 2 + reading], np.exp(reference.log_sigmoid(expected)), rtol=1e-4
        )


def test_fewer_than_two_entities_read_nothing():
    np.testing.assert_array_equal(_reader()(TEXT, MENTIONS, KNOWN)[1:], np.zeros((2, 4)))


def test_relation_weights_are_a_distribution():
    reader = _reader()
    reader(TEXT, MENTIONS, KNOWN)
    weights = np.asarray(reader.relation_weights(TEXT))
    assert weights.shape == (3, 2, 7)
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, rtol=1e-5)


def test_a_graph_of_one_relation():
    reader = layers.TripleReader(scorers.DistMult(), layers.RelationEmbedding(1, 6), readings=2)
    assert np.isfinite(reader(TEXT, MENTIONS, KNOWN)).all()
    np.testing.assert_array_equal(reader.relation_weights(TEXT), np.ones((3, 2, 1)))


def test_absent_mentions_do_not_matter():
    reader = _reader()
    other = np.where(KNOWN[..., None], MENTIONS, 1e6).astype("float32")
    np.testing.assert_allclose(reader(TEXT, other, KNOWN), reader(TEXT, MENTIONS, KNOWN), rtol=1e-6)
