"""What a graph knows about a pair of entities, as features."""

import keras
from keras import ops

from kgkeras.registration import serializable


@serializable
class PairReader(keras.layers.Layer):
    """The vectors `h` and `t` of two entities, and what lies between them.

    The features are `[h; t; h * t; |h - t|]`; the graph's own scores of `(h, r, t)` and of
    `(t, r, h)` for every relation `r`, as they are and as logistic values; and whether each of the
    two is known. What is said of an unknown entity, or of a pair with one, is 0.

    Args:
        scorer: A scorer, the one that the triple objective trains.
        relations: The `RelationEmbedding` that it trains.

    Call arguments:
        text: Not looked at; fusion models hand it to all their readers.
        mentions: Float tensor `(batch, 2, dim)`.
        known: Boolean tensor `(batch, 2)`: True where there is an entity.

    Returns:
        Float tensor `(batch, 4 * dim + 4 * num_relations + 2)`.

    Raises:
        ValueError: If there are not two mentions.
    """

    def __init__(self, scorer, relations, **kwargs):
        super().__init__(**kwargs)
        self.scorer = scorer
        self.relations = relations

    def build(self, text_shape, mentions_shape, known_shape):
        _check_two(mentions_shape)
        if not self.relations.built:
            self.relations.build(None)
        if not self.scorer.built:
            entity, relation = (None, mentions_shape[-1]), (None, self.relations.dim)
            self.scorer.build(entity, relation, entity)

    def call(self, text, mentions, known):
        zero = ops.zeros((), mentions.dtype)
        mentions = ops.where(ops.expand_dims(known, -1), mentions, zero)
        head, tail = mentions[:, 0], mentions[:, 1]
        relations = self.relations.vectors()
        scores = ops.concatenate(
            [
                # One query a text, against all relations: (batch, 1, dim) to (batch, relations).
                self.scorer.score_relations(one[:, None], relations, other[:, None])[:, 0]
                for one, other in ((head, tail), (tail, head))
            ],
            axis=-1,
        )
        scores = ops.cast(scores, mentions.dtype)
        between = [head * tail, ops.abs(head - tail), scores, ops.sigmoid(scores)]
        both = ops.all(known, axis=-1, keepdims=True)
        between = ops.where(both, ops.concatenate(between, axis=-1), zero)
        known = ops.cast(known, mentions.dtype)
        return ops.concatenate([head, tail, between, known], axis=-1)

    def compute_output_shape(self, text_shape, mentions_shape, known_shape):
        _check_two(mentions_shape)
        return (
            mentions_shape[0],
            4 * mentions_shape[-1] + 4 * self.relations.num_relations + 2,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "scorer": keras.saving.serialize_keras_object(self.scorer),
            "relations": keras.saving.serialize_keras_object(self.relations),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("scorer", "relations"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def _check_two(mentions_shape):
    if len(mentions_shape) != 3 or mentions_shape[1] != 2:
        raise ValueError(
            f"PairReader needs mentions `(batch, 2, dim)`. Received: {tuple(mentions_shape)}."
        )
