"""Scores a graph's triples beside others."""

from typing import ClassVar

import keras
from keras import ops

from kgkeras.layers.heads.task_head import TaskHead
from kgkeras.layers.triple_embedding import check_tables
from kgkeras.registration import serializable


@serializable
class TripleHead(TaskHead):
    """Graph completion as a task: no text, but the tables that texts look up in as well.

    Args:
        triples: A `TripleEmbedding` without an encoder.
        scorer: A `scorers.Scorer`.

    Call arguments:
        inputs: Dict of `triples` `(rows, chunk, 3)` and `negatives` `(rows, n)`, ids of entities
            put in the place of each of the row's tails, then heads.

    Returns:
        Scores float32 `(rows, chunk, 2, 1 + n)`: the triple's, then its negatives'; labels are as
        of `losses.NegativeSamplingLoss` and `losses.CrossEntropyLoss`.

    Raises:
        ValueError: If the tables have an encoder.
    """

    reads_text = False
    extra_inputs: ClassVar[dict] = {
        "triples": ((None, 3), "int32"),
        "negatives": ((None,), "int32"),
    }

    def __init__(self, triples, scorer, **kwargs):
        super().__init__(**kwargs)
        check_tables(triples)
        self.triples, self.scorer = triples, scorer

    def call(self, inputs, words=None, training=None):
        head, relation, tail = self.triples(
            *ops.unstack(inputs["triples"], 3, axis=-1), training=training
        )
        others = self.triples.entities(inputs["negatives"], training=training)
        right = ops.expand_dims(self.scorer(head, relation, tail), -1)
        tails = self.scorer.score_tails(head, relation, others)
        heads = self.scorer.score_heads(others, relation, tail)
        scores = ops.stack([ops.concatenate([right, side], -1) for side in (tails, heads)], axis=-2)
        return ops.cast(scores, "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "triples": keras.saving.serialize_keras_object(self.triples),
            "scorer": keras.saving.serialize_keras_object(self.scorer),
        }

    @classmethod
    def from_config(cls, config):
        parts = ("triples", "scorer")
        made = {name: keras.saving.deserialize_keras_object(config[name]) for name in parts}
        return cls(**{**config, **made})
