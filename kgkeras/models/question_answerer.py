"""Answers questions by walking along the facts of a graph."""

import keras
from keras import ops

from kgkeras.checks import describe, non_negative, positive_int
from kgkeras.layers import HopReader, MentionIds
from kgkeras.models.triple_objective import TripleObjective, checked_objective
from kgkeras.ops import num_replicas
from kgkeras.registration import serializable

# What an answer that is not reached counts as, and what keeps the share of nothing defined.
_LEAST, _TINY = 1e-3, 1e-6


@serializable
class QuestionAnswerer(TripleObjective):
    """Reads a question, and walks from the entities it names to those that answer it.

    The words choose the relations of each hop (`HopReader`); the walk passes scores along facts
    (`graph.RelationWalk`), and each answer comes with the facts that led to it. It learns from
    questions and their answers alone, by stock `fit`; the facts are part of the model.

    The loss is `-log(A / S) - mean_(j in answers) log a_j`, where `a` are the scores of what is
    reached, `S` their sum and `A` the part of it on answers: the first term wants nothing beside
    the answers (and is left out where none is reached), the second all of them. Losses that layers
    add come on top; so does, where the walk has supposed facts and batches hold triples,
    `kg_weight` times the loss of telling the graph's facts from others: `L = L_QA + weight * L_KG`.
    `hits@1` is the share of questions whose best entity is an answer; among tied ones, the share
    that is.

    Args:
        encoder: `keras.Model` from `{"token_ids", "padding_mask"}` to `(batch, words, dim)`.
        walk: A `graph.RelationWalk`.
        reader: `layers.HopReader` of as many relations and hops; made where None.
        mention_id: Token that stands for the words that name an entity, so that what is learned of
            a question is true of all entities; None leaves the words.
        max_mentions: Number of a question's entities to start from.
        kg_weight: At least 0, or a Keras `LearningRateSchedule` over the optimizer's steps.
        kg_loss: `keras.losses.Loss` as of `JointModel`; `NegativeSamplingLoss()` where None.

    Call arguments:
        inputs: Dict of `token_ids` `(batch, words)` int32, `padding_mask` `(batch, words)` bool
            and `entity_ids` `(batch, words)` int32, negative for no entity, as
            `text.Preprocessor` gives them; in training also `triples`, `negatives` and `known`, as
            of `JointModel`. Further keys are ignored.

    Returns:
        Dict of `answers`, `scores`, `facts` and `supposed`, as of `graph.RelationWalk`, and
        `relation_weights` `(batch, hops, relations)` and `hop_weights` `(batch, hops)`. A question
        without a known entity has no answer: all are -1.

    For `fit` and `evaluate` the labels are entity ids `(batch, answers)`, int32, negative ones
    filling up; a question without any teaches nothing, and `hits@1` counts it as missed.

    Raises:
        ValueError: If an argument does not fit.
    """

    parts = ("encoder", "walk", "reader", "kg_loss", "kg_weight")
    settings = ("mention_id", "max_mentions")

    def __init__(
        self,
        encoder,
        walk,
        reader=None,
        *,
        mention_id=None,
        max_mentions=4,
        kg_weight=1.0,
        kg_loss=None,
        **kwargs,
    ):
        if not hasattr(walk, "reach"):
            raise ValueError(f"`walk` must be a kgkeras.graph.RelationWalk. {describe(walk)}.")
        reader = reader or HopReader(walk.facts.num_relations, walk.hops, name="reader")
        max_mentions = positive_int("max_mentions", max_mentions)
        kg_weight, kg_loss = checked_objective(kg_weight, kg_loss)
        if mention_id is not None:
            mention_id = int(non_negative("mention_id", mention_id))
        inputs = {
            "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
            "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
            "entity_ids": keras.Input((None,), dtype="int32", name="entity_ids"),
        }
        token_ids, padding_mask, entity_ids = inputs.values()
        if mention_id is not None:
            token_ids = ops.where(entity_ids >= 0, mention_id, token_ids)
        text = encoder({"token_ids": token_ids, "padding_mask": padding_mask})
        relation_weights, hop_weights = reader(text, padding_mask)
        mentions = MentionIds(max_mentions, name="mention_ids")
        outputs = walk(mentions(entity_ids), relation_weights, hop_weights)
        outputs |= {"relation_weights": relation_weights, "hop_weights": hop_weights}
        super().__init__(inputs, outputs, **kwargs)
        self.encoder, self.walk, self.reader = encoder, walk, reader
        self.mention_id, self.max_mentions = mention_id, max_mentions
        known = walk.supposed
        self._set_objective(known and known.triples, known and known.scorer, kg_weight, kg_loss)
        self._hits = keras.metrics.Mean(name="hits@1")

    def call(self, inputs, training=None, mask=None):
        return super().call({name: inputs[name] for name in self._inputs_struct}, training=training)

    def compute_task_loss(self, x, y, y_pred, sample_weight, training):
        y = None if y is None else ops.convert_to_tensor(y)
        if y is None or y.shape.rank != 2:
            received = None if y is None else f"shape {y.shape}"
            raise ValueError(
                f"`y` must hold ids of answers, `(batch, answers)`. Received: {received}."
            )
        rows = ops.shape(y)[0]
        seeds = self.get_layer("mention_ids")(x["entity_ids"])
        reached = self.walk.reach(seeds, y_pred["relation_weights"], y_pred["hop_weights"])
        reached, is_answer = reached.labelled(y, self.walk.facts.num_entities)
        told = ops.cast(is_answer, "float32")
        self._hits.update_state(_hits(reached.row, reached.score, told, rows), sample_weight)
        losses = _losses(reached.row, reached.score, told, rows)
        if sample_weight is not None:
            losses *= ops.cast(sample_weight, losses.dtype)
        return (ops.mean(losses) + sum(map(ops.sum, self.losses))) / num_replicas()


def _losses(row, score, told, rows):
    """The loss of each question; `row`, `score` and `told` (1 for an answer) list entities."""

    def total(values):
        return ops.segment_sum(values, row, num_segments=rows)

    right, count = total(score * told), total(told)
    # Where no answer can be reached, the share would only teach to reach nothing.
    share = ops.where(right > 0, (right + _TINY) / (total(score) + _TINY), 1.0)
    missed = total(-told * ops.log(score + _LEAST)) / ops.maximum(count, 1.0)
    return ops.where(count > 0, missed - ops.log(share), 0.0)


def _hits(row, score, told, rows):
    """For each question, the share of answers among the entities that share its best score."""
    best = ops.segment_max(score, row, num_segments=rows)
    first = ops.cast(ops.logical_and(score > 0, score >= ops.take(best, row)), "float32")
    count = ops.segment_sum(first, row, num_segments=rows)
    return ops.segment_sum(first * told, row, num_segments=rows) / ops.maximum(count, 1.0)
