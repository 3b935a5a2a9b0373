"""TuckER and ConvE, the scorers that train weights of their own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import scorers
from tests.scorers.cases import CASES, vectors


class _Tails(keras.layers.Layer):
    """Scores by the fast path alone, inside another layer's call."""

    def __init__(self, scorer):
        super().__init__()
        self.scorer = scorer

    def call(self, head, relation, candidates):
        return self.scorer.score_tails(head, relation, candidates)


@pytest.mark.parametrize("name", ["TuckER", "ConvE"])
def test_dropout_follows_the_model_around(name):
    case = CASES[name]
    scorer = case.make()
    arguments = (
        vectors(6, case.dim),
        vectors(6, scorer.relation_dim(case.dim)),
        vectors(9, case.dim),
    )
    scorer.score_tails(*arguments)
    tails = _Tails(scorer)
    expected = tails(*arguments)
    np.testing.assert_allclose(tails(*arguments, training=False), expected, rtol=1e-6)
    assert not np.allclose(tails(*arguments, training=True), expected)
    assert len(tails.trainable_weights) == case.num_weights


@pytest.mark.parametrize(
    "rates",
    [
        {"input_dropout": 0.5},
        {"feature_dropout": 0.5},
        {"hidden_dropout": 0.5},
    ],
    ids=lambda rates: next(iter(rates)),
)
def test_each_rate_of_conve_drops(rates):
    none = dict.fromkeys(("input_dropout", "feature_dropout", "hidden_dropout"), 0.0)
    triple = vectors(6, 13), vectors(6, 12), vectors(6, 13, seed=1)
    still = scorers.ConvE(3, 2, **none)
    np.testing.assert_allclose(still(*triple, training=True), still(*triple), rtol=1e-6)
    scorer = scorers.ConvE(3, 2, **{**none, **rates})
    assert not np.allclose(scorer(*triple, training=True), scorer(*triple))


@pytest.mark.parametrize("name", ["TuckER", "ConvE"])
def test_built_inside_a_graph(name):
    # A trainer's first call of a scorer may be a fast path that TensorFlow is tracing.
    case = CASES[name]
    scorer = case.make()
    arguments = (
        vectors(6, case.dim),
        vectors(6, scorer.relation_dim(case.dim)),
        vectors(9, case.dim),
    )
    scores = tf.function(scorer.score_tails)(*map(tf.constant, arguments))
    assert len(scorer.trainable_weights) == case.num_weights
    np.testing.assert_allclose(scores, scorer.score_tails(*arguments), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["TuckER", "ConvE"])
def test_weights_learn_by_the_fast_path(name):
    case = CASES[name]
    scorer = case.make()
    arguments = (
        vectors(6, case.dim),
        vectors(6, scorer.relation_dim(case.dim)),
        vectors(9, case.dim),
    )
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(scorer.score_tails(*arguments)))
    weights = [weight.value for weight in scorer.trainable_weights]
    assert len(weights) == case.num_weights
    assert all(np.any(gradient != 0) for gradient in tape.gradient(loss, weights))


def test_core_starts_as_in_the_paper():
    scorer = scorers.TuckER(relation_dim=5)
    scorer(vectors(1, 20), vectors(1, 5), vectors(1, 20))
    assert scorer.core.shape == (20, 5, 20)
    core = np.asarray(scorer.core.value)
    assert -1 <= core.min() < -0.9
    assert 0.9 < core.max() <= 1


def test_a_tail_brings_its_bias():
    scorer = scorers.ConvE(3, 2)
    head, relation, tail = vectors(6, 13), vectors(6, 12), vectors(6, 13, seed=1)
    bias = np.zeros((6, 13), "float32")
    bias[:, -1] = 2.5
    scores = scorer(head, relation, tail)
    np.testing.assert_allclose(scorer(head, relation, tail + bias), scores + 2.5, rtol=1e-4)
    np.testing.assert_allclose(scorer(head + bias, relation, tail), scores, rtol=1e-5)


def test_scores_do_not_depend_on_the_batch():
    scorer = scorers.ConvE(3, 2)
    triple = vectors(6, 13), vectors(6, 12), vectors(6, 13, seed=1)
    first = scorer(*(array[:1] for array in triple))
    np.testing.assert_allclose(scorer(*triple)[:1], first, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dim", [12, 1, 15])
def test_pictures_that_do_not_fit(dim):
    with pytest.raises(ValueError, match=rf"multiple of height=3\. Received: dim={dim}\."):
        scorers.ConvE(3).relation_dim(dim)


def test_filters_that_do_not_fit():
    with pytest.raises(ValueError, match=r"picture, 6 x 2 for dim=7.*Received: kernel_size=3"):
        scorers.ConvE(3).relation_dim(7)


@pytest.mark.parametrize("name", ["height", "filters", "kernel_size"])
def test_sizes_of_conve(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer. Received: 0"):
        scorers.ConvE(**{name: 0})


@pytest.mark.parametrize("name", ["input_dropout", "feature_dropout", "hidden_dropout"])
def test_rates_of_conve(name):
    with pytest.raises(ValueError, match=rf"`{name}` must be a rate in \[0, 1\)"):
        scorers.ConvE(**{name: 1})


def test_arguments_of_tucker():
    with pytest.raises(
        ValueError, match=r"`relation_dim` must be a positive integer\. Received: 0"
    ):
        scorers.TuckER(relation_dim=0)
    with pytest.raises(ValueError, match=r"`dropout` must be a rate in \[0, 1\)"):
        scorers.TuckER(dropout=1.0)
