import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import scorers
from kgkeras.regularizers import DURA, L2, N3, Regularizer


@pytest.fixture
def triples():
    return [np.random.default_rng(i).normal(size=(5, 6)).astype("float32") for i in range(3)]


def _moduli(vectors):
    return np.abs(vectors[:, :3] + 1j * vectors[:, 3:])


@pytest.mark.parametrize(("make", "power"), [(L2, 2), (N3, 3)])
def test_powers_of_absolute_values_and_moduli(make, power, triples):
    for scorer, size in ((scorers.DistMult(), np.abs), (scorers.ComplEx(), _moduli)):
        head, relation, tail = ((size(v) ** power).sum() / 5 for v in triples)
        both = make(0.5)(scorer, *triples)
        np.testing.assert_allclose(both, 0.5 * (head + relation + tail), rtol=1e-5)
        apart = make(0.5, relation_weight=2.0)(scorer, *triples)
        np.testing.assert_allclose(apart, 0.5 * (head + tail) + 2.0 * relation, rtol=1e-5)
        entities = make(0.5, relation_weight=0.0)(scorer, *triples)
        np.testing.assert_allclose(entities, 0.5 * (head + tail), rtol=1e-5)


def test_dura(triples):
    head, relation, tail = triples
    squares = (head**2).sum() + (tail**2).sum()
    queries = ((head * relation) ** 2).sum() + ((tail * relation) ** 2).sum()
    for options, factor in (({}, 1.0), ({"query_weight": 3.0}, 3.0)):
        penalty = DURA(0.7, **options)(scorers.DistMult(), *triples)
        np.testing.assert_allclose(penalty, 0.7 * (squares + factor * queries) / 5, rtol=1e-5)


def test_dura_bounds_the_score(triples):
    # |q_t|^2 + |t|^2 >= 2 |<q_t, t>|, and so for the head: four times the score in all.
    for scorer in (scorers.ComplEx(), scorers.RESCAL()):
        relation_dim = scorer.relation_dim(6)
        relation = np.random.default_rng(9).normal(size=(5, relation_dim)).astype("float32")
        score = np.abs(scorer(triples[0], relation, triples[2])).mean()
        penalty = float(DURA(1.0)(scorer, triples[0], relation, triples[2]))
        assert penalty >= 4 * score > 0


def test_dura_of_a_distance(triples):
    with pytest.raises(ValueError, match=r"DURA needs a bilinear scorer.*Received: TransE"):
        DURA(0.1)(scorers.TransE(), *triples)


@pytest.mark.parametrize("regularizer", [L2(0.1), N3(0.1), DURA(0.1)])
def test_gradients_are_finite_at_zero(regularizer):
    vectors = [tf.Variable(tf.zeros((2, 4))) for _ in range(3)]
    with tf.GradientTape() as tape:
        penalty = regularizer(scorers.ComplEx(), *(v.value() for v in vectors))
    for gradient in tape.gradient(penalty, vectors):
        np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


@pytest.mark.parametrize(
    "regularizer", [L2(0.5, 0.25), N3(0.5, relation_weight=0.0), DURA(0.5, 3.0)]
)
def test_config_round_trip(regularizer):
    config = keras.saving.serialize_keras_object(regularizer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(regularizer)
    assert again.get_config() == regularizer.get_config()


def test_bad_weights():
    with pytest.raises(ValueError, match="`weight` must be finite and at least 0"):
        N3(-1.0)
    with pytest.raises(ValueError, match="`relation_weight` must be finite and at least 0"):
        L2(1.0, relation_weight=-1.0)
    with pytest.raises(ValueError, match="`query_weight` must be finite and at least 0"):
        DURA(1.0, query_weight=float("nan"))


def test_the_contract_must_be_filled(triples):
    with pytest.raises(NotImplementedError, match="Regularizer must implement `penalties`"):
        Regularizer(1.0)(scorers.DistMult(), *triples)
