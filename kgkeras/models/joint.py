"""A text model and a knowledge graph under one objective: L = L_task + weight * L_KG."""

import keras
from keras import ops

from kgkeras.checks import non_negative, positive_int
from kgkeras.layers import MeanPooling, MentionIds, TripleReader
from kgkeras.losses import NegativeSamplingLoss
from kgkeras.models.composed import ComposedModel
from kgkeras.ops import num_replicas
from kgkeras.registration import serializable
from kgkeras.scorers import DistMult


@serializable
class JointModel(ComposedModel):
    """Reads a text, looks its entities up, fuses them with the words, and learns the graph too.

    The entity and relation tables serve both objectives: the text's task reaches them through the
    fusion layer and through a `TripleReader`, which asks the graph's scorer how plausible the
    text's claim is; the graph's own triples reach them through `kg_loss`. `fit`, `evaluate` and
    `predict` are Keras' own. `loss`, `task_loss` and `kg_loss` are logged apart.

    Without `triples` this is the text-only twin: the same encoder, pooling and head.

    Args:
        encoder: `keras.Model` from `{"token_ids", "padding_mask"}` to `(batch, words, dim)`.
        head: Layer from a text's vector to outputs, such as `layers.ClassificationHead`.
        triples: `layers.TripleEmbedding`, or None for the text-only twin.
        fusion: A `layers.Fusion`; needed with `triples`.
        scorer: A `scorers.Scorer`; `DistMult` where None.
        pooling: Layer `(text, token_ids, padding_mask)` to `(batch, dim)`; `MeanPooling` if None.
        max_mentions: How many of a text's entities the reader and candidate fusion look at.
        readings: Readings of the `TripleReader`; 0 for none, so that fusion alone brings knowledge.
        kg_weight: At least 0, or a Keras `LearningRateSchedule` over the optimizer's steps.
        kg_loss: `keras.losses.Loss` over `(batch, triples, 2, 1 + negatives)` scores;
            `NegativeSamplingLoss()` where None.

    Call arguments:
        inputs: Dict of `token_ids` `(batch, words)` int32, `padding_mask` `(batch, words)` bool
            and, with `triples`, `entity_ids` `(batch, words)` int32, negative for no entity.
            While training it also holds `triples` `(batch, k, 3)`, `negatives` `(batch, n)` and
            optionally `known` `(batch, k, 2, n)` bool, True where the negative put in the place
            of the tail (first) or head (second) makes a true triple. Further keys are ignored.

    Returns:
        What `head` returns, such as logits `(batch, classes)`.

    Raises:
        ValueError: If `kg_weight` is negative, `triples` and `fusion` are not given together, or
            `kg_loss` is not a mean over the batch.
    """

    parts = ("encoder", "head", "triples", "fusion", "scorer", "pooling", "kg_loss", "kg_weight")
    settings = ("max_mentions", "readings")

    def __init__(
        self,
        encoder,
        head,
        triples=None,
        fusion=None,
        scorer=None,
        *,
        pooling=None,
        max_mentions=8,
        readings=4,
        kg_weight=1.0,
        kg_loss=None,
        **kwargs,
    ):
        _check_knowledge(triples, fusion)
        schedule = isinstance(kg_weight, keras.optimizers.schedules.LearningRateSchedule)
        non_negative("kg_weight", float(kg_weight(0)) if schedule else kg_weight)
        max_mentions = positive_int("max_mentions", max_mentions)
        kg_loss = _checked_loss(kg_loss or NegativeSamplingLoss())
        scorer = scorer or DistMult(name="scorer")
        pooling = pooling or MeanPooling(name="pooling")

        # === Graph ===
        inputs = {
            "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
            "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
        }
        text = encoder(dict(inputs))
        if triples is None:
            features, weights = pooling(text, *inputs.values()), None
        else:
            entity_ids = keras.Input((None,), dtype="int32", name="entity_ids")
            knowledge = _Knowledge(triples.entities, entity_ids, max_mentions)
            reader = readings and TripleReader(scorer, triples.relations, readings, name="reader")
            features, weights = _fuse(text, inputs, knowledge, fusion, pooling, reader)
            inputs["entity_ids"] = entity_ids
        super().__init__(inputs, head(features), **kwargs)

        # === Parts and configuration ===
        self.encoder, self.head, self.pooling = encoder, head, pooling
        self.triples, self.fusion, self.scorer = triples, fusion, scorer
        self.max_mentions, self.readings = max_mentions, readings
        self.kg_weight, self.kg_loss = kg_weight, kg_loss
        self._fusion_weights = weights
        if triples is not None:
            if not triples.built:
                triples.build()
            self._trackers = {
                name: keras.metrics.Mean(name=name)
                for name in ("task_loss", "kg_loss", "kg_weight")
            }

    def call(self, inputs, training=None, mask=None):
        return super().call({name: inputs[name] for name in self._inputs_struct}, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        task_loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if self.triples is None:
            return task_loss
        num_texts = ops.shape(x["token_ids"])[0]
        self._trackers["task_loss"].update_state(task_loss * num_replicas(), num_texts)
        if "triples" not in x:
            return task_loss
        kg_loss = self.kg_loss(*self.triple_scores(x, training=training))
        weight = self._current_kg_weight()
        self._trackers["kg_loss"].update_state(kg_loss * num_replicas(), num_texts)
        self._trackers["kg_weight"].update_state(weight, num_texts)
        return task_loss + weight * kg_loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        if "triples" not in x:
            # No triples, no figures about them: 0 would look like a perfect graph.
            logs = {name: log for name, log in logs.items() if name not in ("kg_loss", "kg_weight")}
        return logs

    def triple_scores(self, x, training=False):
        """Scores of a batch's triples and negatives, and which of them are true.

        Args:
            x: Dict with `triples`, `negatives` and optionally `known`, as in the call.
            training: Whether embedding dropout is active.

        Returns:
            `(y_true, y_pred)`, each `(batch, triples, 2, 1 + negatives)`; the third axis holds the
            query for the tail, then the one for the head; see `NegativeSamplingLoss`.
        """
        columns = ops.unstack(x["triples"], 3, axis=-1)
        head, relation, tail = self.triples(*columns, training=training)
        candidates = self.triples.entities(x["negatives"], training=training)
        tails = self.scorer.score_tails(head, relation, candidates)
        heads = self.scorer.score_heads(candidates, relation, tail)
        positive = ops.expand_dims(self.scorer(head, relation, tail), -1)
        y_pred = ops.stack(
            [ops.concatenate([positive, side], axis=-1) for side in (tails, heads)], axis=-2
        )
        y_pred = ops.cast(y_pred, "float32")
        negative = ops.zeros_like(y_pred[..., 1:])
        if "known" in x:
            negative = ops.where(x["known"], -1.0, negative)
        return ops.concatenate([ops.ones_like(y_pred[..., :1]), negative], axis=-1), y_pred

    def fusion_weights(self):
        """A model from the same inputs to how much knowledge enters each word: `(batch, words)`.

        Raises:
            ValueError: If the fusion layer has no such weights.
        """
        if self._fusion_weights is None:
            raise ValueError(
                "Only fusion layers that weigh knowledge (GatedFusion, AttentionFusion) have "
                f"weights. Received: fusion={self.fusion!r}."
            )
        return keras.Model(self.input, self._fusion_weights, name="fusion_weights")

    def _current_kg_weight(self):
        if callable(self.kg_weight):
            return ops.cast(self.kg_weight(self.optimizer.iterations), "float32")
        return self.kg_weight


def _check_knowledge(triples, fusion):
    if (triples is None) != (fusion is None):
        raise ValueError(
            "`triples` and `fusion` must be given together, or neither for the text-only "
            f"twin. Received: triples={triples!r}, fusion={fusion!r}."
        )
    if triples is not None and triples.encoder is not None:
        raise ValueError(
            "`triples` must have no encoder, since texts look up in its tables. "
            f"Received: encoder={triples.encoder!r}."
        )


def _checked_loss(loss):
    if loss.reduction != "sum_over_batch_size":
        raise ValueError(
            "`kg_loss` must have the reduction 'sum_over_batch_size', as the task's loss. "
            f"Received: {loss.reduction!r}."
        )
    return loss


class _Knowledge:
    """The vectors of a text's entities: at each word, or mention by mention."""

    def __init__(self, entities, entity_ids, max_mentions):
        self.entities = entities
        self.entity_ids = entity_ids
        self.mention_ids = MentionIds(max_mentions, name="mention_ids")(entity_ids)

    def words(self):
        """`(batch, words, dim)` and True where there is an entity."""
        return self.entities(self.entity_ids), self.entity_ids >= 0

    def mentions(self):
        """`(batch, mentions, dim)` and True where there is a mention."""
        return self.entities(self.mention_ids), self.mention_ids >= 0


def _fuse(text, tokens, knowledge, fusion, pooling, reader):
    """A text's features, and how much knowledge enters each word where the fusion can tell."""
    vectors, known = knowledge.mentions() if fusion.candidates else knowledge.words()
    weights = None
    if fusion.weighs:
        fused, weights = fusion(text, vectors, known, return_weights=True)
        weights = 1.0 - weights[..., -1] if fusion.candidates else weights
    else:
        fused = fusion(text, vectors, known)
    features = pooling(fused, *tokens.values())
    if reader:
        claim = reader(pooling(text, *tokens.values()), *knowledge.mentions())
        features = keras.layers.Concatenate(name="features")([features, claim])
    return features, weights
