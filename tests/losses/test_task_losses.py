"""The losses and accuracies of questions and of hidden tokens, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from kgkeras import losses, metrics


def log_softmax(scores):
    return scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))


def test_answers():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3, 6)).astype("float32")
    answers = np.array([[1, 4], [5, -1], [-1, -1]], "int32")
    logs = log_softmax(scores)
    wanted = [-(logs[0, 1] + logs[0, 4]) / 2, -logs[1, 5], 0.0]
    loss = losses.AnswerLoss()
    np.testing.assert_allclose(loss.call(answers, scores), wanted, rtol=1e-5)
    assert float(loss(answers, scores)) == pytest.approx(np.mean(wanted), rel=1e-5)
    metric = metrics.AnswerAccuracy()
    best = scores.argmax(axis=1)
    metric.update_state(answers, scores)
    assert float(metric.result()) == pytest.approx(
        np.mean([b in a for b, a in zip(best, answers, strict=True)])
    )
    # Any of the answers will do.
    metric.reset_state()
    metric.update_state(np.array([[2, best[0]]]), scores[:1])
    assert float(metric.result()) == 1


def test_hidden_tokens():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 4, 5)).astype("float32")
    tokens = np.array([[1, 0, -1, -1], [4, 3, 2, 1], [-1] * 4], "int32")
    logs = log_softmax(logits)
    wanted = [-(logs[0, 0, 1] + logs[0, 1, 0]) / 2, -np.mean(logs[1, range(4), tokens[1]]), 0.0]
    loss = losses.HiddenTokenLoss()
    np.testing.assert_allclose(loss.call(tokens, logits), wanted, rtol=1e-5)
    assert float(loss(tokens, logits)) == pytest.approx(np.mean(wanted), rel=1e-5)
    right = (logits.argmax(axis=-1) == tokens)[tokens >= 0]
    metric = metrics.HiddenTokenAccuracy()
    metric.update_state(tokens[:2], logits[:2])
    metric.update_state(tokens[2:], logits[2:])
    assert float(metric.result()) == pytest.approx(right.mean())


@pytest.mark.parametrize("loss", [losses.AnswerLoss(), losses.HiddenTokenLoss()])
def test_no_example(loss):
    """As in a step that holds other tasks only."""
    shape = (0, 6) if isinstance(loss, losses.AnswerLoss) else (0, 2, 5)
    values = tf.function(loss.call)(np.zeros((0, 2), "int32"), np.zeros(shape, "float32"))
    assert values.shape == (0,)
