"""The F1 of spans that tags tell."""

import keras
from keras import ops

from kgkeras.ops.tag_spans import tag_spans
from kgkeras.registration import serializable


@serializable
class SpanF1(keras.metrics.Metric):
    """Micro-averaged F1 of spans: one is right if its first word, its last and its type are.

    In [0, 1]; higher is better; 0 where nothing is right. It takes the best tag of each word by
    itself, and sees no word that a row has no room for: `evaluation.span_figures` of what
    `text.best_tags` decodes is the figure to report.

    Args:
        name: Name of the metric.
        dtype: Keras dtype or policy.

    Call arguments of `update_state`:
        y_true: Integer tensor `(batch, places)`: tags, see `ops.tag_spans`; -1 where there is none.
        y_pred: Logits `(batch, places, tags)`.

    Reference: Tjong Kim Sang and De Meulder, CoNLL-2003 Shared Task, 2003.
    """

    def __init__(self, name="f1", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._direction = "up"
        self.counts = self.add_variable((3,), "zeros", name="counts")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.convert_to_tensor(y_true)
        words = y_true >= 0
        true, true_types, true_ends = tag_spans(ops.maximum(y_true, 0), words)
        told, types, ends = tag_spans(ops.argmax(y_pred, axis=-1), words)
        right = ops.logical_and(ops.equal(true_types, types), ops.equal(true_ends, ends))
        right = ops.logical_and(right, ops.logical_and(true, told))
        counted = ops.stack([right, told, true], axis=-1)  # (batch, places, 3)
        counted = ops.sum(ops.cast(counted, self.dtype), axis=1)
        if sample_weight is not None:
            counted = counted * ops.expand_dims(ops.cast(sample_weight, self.dtype), -1)
        self.counts.assign_add(ops.sum(counted, axis=0))

    def result(self):
        right, told, true = ops.unstack(self.counts, 3)
        return 2.0 * right / ops.maximum(told + true, 1.0)
