import keras
import numpy as np
import pytest

from kgkeras import scorers
from tests import reference
from tests.layer_check import check_layer

DIM = 6
CASES = [
    (scorers.TransE(norm=1), lambda h, r, t: reference.transe(h, r, t, 1)),
    (scorers.TransE(norm=2), lambda h, r, t: reference.transe(h, r, t, 2)),
    (scorers.DistMult(), reference.distmult),
    (scorers.ComplEx(), reference.complex_score),
]
IDS = ["TransE-1", "TransE-2", "DistMult", "ComplEx"]


def _vectors(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("float32")


@pytest.mark.parametrize(("scorer", "expected"), CASES, ids=IDS)
def test_agrees_with_the_reference(scorer, expected):
    head, relation, tail = _vectors(5, 1, DIM), _vectors(5, 4, DIM), _vectors(5, 1, DIM)
    scores = check_layer(
        type(scorer).from_config(scorer.get_config()),
        (head, relation, tail),
        expected_shape=(5, 4),
        num_weights=0,
    )
    np.testing.assert_allclose(scores, expected(head, relation, tail), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("scorer", "expected"), CASES, ids=IDS)
@pytest.mark.parametrize("leading", [(), (3,)], ids=["shared", "own"])
def test_fast_path_equals_slow_path(scorer, expected, leading):
    query, relation = _vectors(3, 4, DIM), _vectors(3, 4, DIM) * 2
    candidates = _vectors(*leading, 7, DIM)
    pairs = query[:, :, None], relation[:, :, None], candidates[..., None, :, :]
    tails = scorer.score_tails(query, relation, candidates)
    heads = scorer.score_heads(candidates, relation, query)
    assert tails.shape == heads.shape == (3, 4, 7)
    np.testing.assert_allclose(tails, expected(*pairs), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(heads, expected(pairs[2], pairs[1], pairs[0]), rtol=1e-4, atol=1e-5)


def test_symmetries():
    head, relation, tail = _vectors(5, DIM), _vectors(5, DIM) + 1, _vectors(5, DIM) - 1
    distmult, complex_ = scorers.DistMult(), scorers.ComplEx()
    np.testing.assert_allclose(
        distmult(head, relation, tail), distmult(tail, relation, head), rtol=1e-5
    )
    assert not np.allclose(complex_(head, relation, tail), complex_(tail, relation, head))
    real = relation.copy()
    real[:, DIM // 2 :] = 0  # a real relation is symmetric
    np.testing.assert_allclose(
        complex_(head, real, tail), complex_(tail, real, head), rtol=1e-4, atol=1e-5
    )


def test_translation_that_fits_scores_highest():
    head, relation = _vectors(5, DIM), _vectors(5, DIM) * 3
    for norm in (1, 2):
        np.testing.assert_allclose(
            scorers.TransE(norm)(head, relation, head + relation), 0.0, atol=1e-5
        )


def test_transe_has_a_gradient_where_it_fits_exactly():
    import tensorflow as tf

    head = tf.Variable(np.zeros((1, DIM), "float32"))
    with tf.GradientTape() as tape:
        score = scorers.TransE(2)(head, tf.zeros((1, DIM)), tf.zeros((1, DIM)))
    assert np.isfinite(tape.gradient(score, head)).all()


def test_transe_in_half_precision():
    far = np.full((1, 400), 60.0)
    score = scorers.TransE(2, dtype="float16")(far, 0 * far, 0 * far)
    np.testing.assert_allclose(np.asarray(score, "float32"), [-1200.0], rtol=1e-3)


def test_odd_complex_dim():
    with pytest.raises(ValueError, match=r"ComplEx needs an even `dim`.*Received: dim=5"):
        scorers.ComplEx().relation_dim(5)


def test_unknown_norm():
    with pytest.raises(ValueError, match=r"`norm` must be one of 1, 2\. Received: 3"):
        scorers.TransE(norm=3)


def test_saved_by_name():
    config = keras.saving.serialize_keras_object(scorers.TransE(norm=1))
    assert config["registered_name"] == "kgkeras>TransE"
    assert keras.saving.deserialize_keras_object(config).norm == 1
