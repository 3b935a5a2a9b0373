"""Reads a text as a claim about its entities and asks the graph how plausible the claim is."""

import keras
from keras import ops

from kgkeras.checks import positive_int
from kgkeras.registration import serializable


@serializable
class TripleReader(keras.layers.Layer):
    """Scores all pairs of a text's entities under the relation that the text speaks of.

    The text chooses a mixture of relations, `r = sum_k softmax(W text)_k r_k`, once for each
    reading; the knowledge graph's own scorer judges `(e_i, r, e_j)` for every ordered pair of
    mentions; a smooth maximum over the pairs is the reading's result. A text with fewer than two
    entities gets zeros.

    Args:
        scorer: A scorer, the one that the triple objective trains.
        relations: The `RelationEmbedding` that it trains.
        readings: Number of readings.

    Call arguments:
        text: Float tensor `(batch, dim)`.
        mentions: Float tensor `(batch, mentions, entity_dim)`.
        known: Boolean tensor `(batch, mentions)`: True where there is a mention.

    Returns:
        Float tensor `(batch, 2 * readings)`: the results, and their logistic values.
    """

    def __init__(self, scorer, relations, readings=4, **kwargs):
        super().__init__(**kwargs)
        self.scorer = scorer
        self.relations = relations
        self.readings = positive_int("readings", readings)

    def build(self, text_shape, mentions_shape, known_shape):
        if not self.relations.built:
            self.relations.build(None)
        self.choice = keras.layers.Dense(
            self.readings * self.relations.num_relations, name="choice", dtype=self.dtype_policy
        )
        self.choice.build(text_shape)

    def call(self, text, mentions, known):
        relation = ops.matmul(self.relation_weights(text), self._all_relations())
        # (batch, readings, mentions, mentions): head along the rows, tail along the columns.
        scores = self.scorer(
            mentions[:, None, :, None, :],
            relation[:, :, None, None, :],
            mentions[:, None, None, :, :],
        )
        pairs = ops.logical_and(known[:, :, None], known[:, None, :])
        different = ops.logical_not(ops.eye(known.shape[1], dtype="bool"))
        pairs = ops.logical_and(pairs, different)
        best = _smooth_maximum(scores, pairs[:, None])
        readable = ops.any(pairs, axis=(1, 2))[:, None]
        zero = ops.zeros((), best.dtype)
        return ops.concatenate(
            [ops.where(readable, best, zero), ops.where(readable, ops.sigmoid(best), zero)],
            axis=-1,
        )

    def relation_weights(self, text):
        """How much each relation is meant: `(batch, readings, num_relations)`, rows sum to 1."""
        logits = ops.reshape(self.choice(text), (-1, self.readings, self.relations.num_relations))
        if self.relations.num_relations == 1:
            return ops.ones_like(logits)  # Keras warns of a softmax over one
        return ops.softmax(logits, axis=-1)

    def _all_relations(self):
        return ops.cast(self.relations.table, self.compute_dtype)

    def compute_output_shape(self, text_shape, mentions_shape, known_shape):
        return (text_shape[0], 2 * self.readings)

    def get_config(self):
        return {
            **super().get_config(),
            "scorer": keras.saving.serialize_keras_object(self.scorer),
            "relations": keras.saving.serialize_keras_object(self.relations),
            "readings": self.readings,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("scorer", "relations"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def _smooth_maximum(scores, pairs):
    """`log sum exp` over the pairs: `(batch, readings, m, m)` to `(batch, readings)`."""
    lowest = ops.cast(-3e4, scores.dtype)
    return ops.logsumexp(ops.where(pairs, scores, lowest), axis=(-2, -1))
