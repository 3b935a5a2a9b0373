"""The softmax loss over candidates, for one right answer or several."""

import functools
import math

import keras
from keras import ops

from kgkeras.checks import one_of, positive, rate
from kgkeras.ops import fused
from kgkeras.registration import serializable

_LARGE = 4096  # Candidates from which on compiling passes over their scores pays.
_NOWHERE = -1e30  # The logit of an ignored candidate. Infinity would make NaN of 0 * infinity.


@serializable
class CrossEntropyLoss(keras.losses.Loss):
    """`sum_i y_i (log sum_j exp(s_j) - s_i)` over the candidates of a query.

    With one right answer the softmax cross-entropy (1vsAll); with several, the sum of the losses
    that each answer has alone against all candidates.

    Args:
        label_smoothing: Part of the labels, in `[0, 1)`, that is spread over all candidates.
        per: "answer", as above, or "query": divided by the number of answers, so that the labels
            of each query are a distribution (KvsAll in LibKGE).
        negative_weight: Candidates that each wrong one stands for, above 0: its `exp(s_j)` counts
            so often. Of wrong candidates drawn uniformly, `num_entities / num_negatives` makes
            the sum an unbiased estimate of that over all entities (Jean et al., 2015).

    Call arguments:
        y_true: `(..., candidates)`: above 0 (as a rule 1) for an answer, 0 for other candidates,
            -1 for a candidate to ignore. A row without answers costs nothing.
        y_pred: Scores of the same shape; higher is more plausible.

    Reference: Joulin et al., Fast Linear Model for Knowledge Graph Embeddings, 2017;
    Lacroix et al., Canonical Tensor Decomposition for Knowledge Base Completion, ICML 2018;
    Jean et al., On Using Very Large Target Vocabulary for Neural Machine Translation, ACL 2015.
    """

    def __init__(
        self,
        label_smoothing=0.0,
        per="answer",
        negative_weight=1.0,
        reduction="sum_over_batch_size",
        name="cross_entropy_loss",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.label_smoothing = rate("label_smoothing", label_smoothing)
        self.per = one_of("per", per, ("answer", "query"))
        self.negative_weight = positive("negative_weight", negative_weight)
        # A softmax does not change where all scores move: answers go down as far as others go up.
        self._shift = -math.log(self.negative_weight)

    def call(self, y_true, y_pred):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        allowed = y_true >= 0
        labels = ops.maximum(y_true, 0.0)
        if self.label_smoothing:
            spread = ops.cast(allowed, labels.dtype)
            number = ops.maximum(ops.sum(spread, axis=-1, keepdims=True), 1.0)
            spread = spread * ops.sum(labels, axis=-1, keepdims=True) / number
            labels = labels + self.label_smoothing * (spread - labels)
        if self._shift:
            y_pred = y_pred + self._shift * ops.cast(y_true > 0, y_pred.dtype)
        if self.per == "query":
            labels = labels / _at_least(ops.sum(labels, axis=-1, keepdims=True))
        return _loss_of_labels(labels, ops.where(allowed, y_pred, _NOWHERE))

    def from_answers(self, answers, y_pred):
        """The same loss of each query, without the matrix of labels: three times as fast.

        Args:
            answers: Integer tensor `(queries, answers)`: positions of different candidates that
                are right, all others being wrong; filled up with negative numbers.
            y_pred: Scores `(queries, candidates)`.

        Returns:
            Float tensor `(queries,)`, not reduced.
        """
        answers, y_pred = ops.convert_to_tensor(answers), ops.cast(y_pred, self.dtype)
        weight = ops.cast(answers >= 0, y_pred.dtype)
        answers = ops.maximum(answers, 0)
        if self._shift:
            shifts = ops.reshape(self._shift * weight, (-1,))
            y_pred = ops.scatter_update(y_pred, _places(answers), shifts, reduction="add")
        if self.per == "query":
            weight = weight / _at_least(ops.sum(weight, axis=-1, keepdims=True))
        return _loss_of_answers(answers, weight, y_pred, self.label_smoothing)

    def get_config(self):
        return {
            **super().get_config(),
            "label_smoothing": self.label_smoothing,
            "per": self.per,
            "negative_weight": self.negative_weight,
        }


def _at_least(number):
    return ops.where(number > 0, number, 1.0)


# The gradient of a softmax cross-entropy is softmax - labels. Spelled out, it takes one more pass;
# the gradients of `logsumexp` by its parts take three.


def _log_sum_exp(scores):
    """`log(sum(exp(scores)))` of each row: `(queries, 1)`."""
    maximum = ops.max(scores, axis=-1, keepdims=True)
    return maximum + ops.log(ops.sum(ops.exp(scores - maximum), axis=-1, keepdims=True))


def _exponentials(scores, log_total, factor):
    """`factor * softmax(scores)`, where the softmax's denominator is known."""
    return ops.exp(scores - log_total) * factor


@functools.cache
def _parts(large):
    """The two functions above; those for large matrices are compiled."""
    parts = _log_sum_exp, _exponentials
    return tuple(map(fused, parts)) if large else parts


def _loss_of_labels(labels, scores):
    @ops.custom_gradient
    def loss(scores):
        log_total = _log_sum_exp(scores)
        weight = ops.sum(labels, axis=-1, keepdims=True)

        def gradient(*arguments, upstream=None):
            slope = ops.expand_dims(arguments[0] if upstream is None else upstream, -1)
            return _exponentials(scores, log_total, slope * weight) - slope * labels

        value = weight * log_total - ops.sum(labels * scores, axis=-1, keepdims=True)
        return ops.squeeze(value, -1), gradient

    return loss(scores)


def _places(answers):
    """Row and column of each answer in the scores: `(queries * answers, 2)`."""
    queries, count = ops.shape(answers)
    rows = ops.repeat(ops.expand_dims(ops.arange(queries, dtype=answers.dtype), -1), count, axis=1)
    return ops.stack([ops.reshape(rows, (-1,)), ops.reshape(answers, (-1,))], axis=-1)


def _loss_of_answers(answers, weight, scores, smoothing):
    places = _places(answers)
    number = ops.cast(ops.shape(scores)[-1], scores.dtype)
    log_sum_exp, exponentials = _parts((scores.shape[-1] or 0) >= _LARGE)

    @ops.custom_gradient
    def loss(scores):
        log_total = log_sum_exp(scores)
        all_weight = ops.sum(weight, axis=-1, keepdims=True)
        right = ops.take_along_axis(scores, answers, axis=-1)
        right = (1 - smoothing) * ops.sum(weight * right, axis=-1, keepdims=True)
        if smoothing:
            right = right + smoothing * all_weight * ops.mean(scores, axis=-1, keepdims=True)

        def gradient(*arguments, upstream=None):
            slope = ops.expand_dims(arguments[0] if upstream is None else upstream, -1)
            slopes = exponentials(scores, log_total, slope * all_weight)
            if smoothing:
                slopes = slopes - slope * all_weight * smoothing / number
            updates = ops.reshape(-(1 - smoothing) * slope * weight, (-1,))
            return ops.scatter_update(slopes, places, updates, reduction="add")

        return ops.squeeze(all_weight * log_total - right, -1), gradient

    return loss(scores)
