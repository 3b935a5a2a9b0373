"""The loss of a graph's own triples, beside that of a text's task: L = L_task + weight * L_KG."""

import keras
from keras import ops

from kgkeras.checks import non_negative
from kgkeras.losses import NegativeSamplingLoss
from kgkeras.models.composed import ComposedModel
from kgkeras.ops import num_replicas
from kgkeras.ops.layer_call import as_layer


def checked_objective(kg_weight, kg_loss):
    """The weight and the loss themselves, `NegativeSamplingLoss()` for None.

    Args:
        kg_weight: At least 0, or a Keras `LearningRateSchedule` over the optimizer's steps.
        kg_loss: `keras.losses.Loss`, or None.

    Raises:
        ValueError: If `kg_weight` is negative, or `kg_loss` is not a mean over the batch.
    """
    schedule = isinstance(kg_weight, keras.optimizers.schedules.LearningRateSchedule)
    non_negative("kg_weight", float(kg_weight(0)) if schedule else kg_weight)
    return kg_weight, _checked_loss(kg_loss or NegativeSamplingLoss())


def count_texts(x):
    """The number of texts in a batch, for the weights of means over batches.

    It is told by the data: a step that finds its input at an end would still count a constant.
    """
    token_ids = x["token_ids"]  # (batch, words) or (batch, choices, words)
    if len(token_ids.shape) == 3:
        token_ids = token_ids[:, 0]
    return ops.sum(ops.ones_like(token_ids[:, :1]))


class TripleObjective(ComposedModel):
    """Base of text models whose batches may also hold triples of the graph to learn.

    Such a batch's inputs have `triples` `(batch, k, 3)`, `negatives` `(batch, n)` and optionally
    `known` `(batch, k, 2, n)`, as `pipelines.joint_batches` makes them. `loss`, `task_loss` and
    `kg_loss` are logged apart.
    """

    def _set_objective(self, triples, scorer, kg_weight, kg_loss):
        """Keeps the parts; without `triples`, a `layers.TripleEmbedding`, there is one loss."""
        self.triples, self.scorer = triples, scorer
        self.kg_weight, self.kg_loss = kg_weight, kg_loss
        if triples is not None:
            if not triples.built:
                triples.build()
            self._trackers = {
                name: keras.metrics.Mean(name=name)
                for name in ("task_loss", "kg_loss", "kg_weight")
            }

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        task_loss = self.compute_task_loss(x, y, y_pred, sample_weight, training)
        if self.triples is None:
            return task_loss
        num_texts = count_texts(x)
        self._trackers["task_loss"].update_state(task_loss * num_replicas(), num_texts)
        if "triples" not in x:
            # Keras warns of variables that no loss reaches: a sum of nothing reaches relations.
            return task_loss + ops.cast(
                ops.sum(self.triples.relations.vectors()[:0]), task_loss.dtype
            )
        kg_loss = self.kg_loss(*self.triple_scores(x, training=training))
        weight = self._current_kg_weight()
        self._trackers["kg_loss"].update_state(kg_loss * num_replicas(), num_texts)
        self._trackers["kg_weight"].update_state(weight, num_texts)
        return task_loss + weight * kg_loss

    def compute_task_loss(self, x, y, y_pred, sample_weight, training):
        """The loss of the text's task, a mean over the batch; that of `compile` by default."""
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        if "triples" not in x:
            # No triples, no figures about them: 0 would look like a perfect graph.
            logs = {name: log for name, log in logs.items() if name not in ("kg_loss", "kg_weight")}
        return logs

    def _get_metrics_result_or_logs(self, logs):
        # Keras takes the figures of all replicas only where none is left out.
        results = self.get_metrics_result()
        whole = isinstance(logs, dict) and set(logs) <= set(results)
        return {name: results[name] for name in logs} if whole else logs

    def triple_scores(self, x, training=False):
        """Scores of a batch's triples and negatives, and which of them are true.

        Args:
            x: Dict with `triples`, `negatives` and optionally `known`, as in the call.
            training: Whether embedding dropout is active.

        Returns:
            `(y_true, y_pred)`, each `(batch, triples, 2, 1 + negatives)`; the third axis holds the
            query for the tail, then the one for the head; see `NegativeSamplingLoss`.
        """
        (head, relation, tail), candidates = self.triple_vectors(x, training)
        positive, tails, heads = as_layer(
            lambda: (
                ops.expand_dims(self.scorer(head, relation, tail), -1),
                self.scorer.score_tails(head, relation, candidates),
                self.scorer.score_heads(candidates, relation, tail),
            ),
            training,
        )
        y_pred = ops.stack(
            [ops.concatenate([positive, side], axis=-1) for side in (tails, heads)], axis=-2
        )
        y_pred = ops.cast(y_pred, "float32")
        negative = ops.zeros_like(y_pred[..., 1:])
        if "known" in x:
            negative = ops.where(x["known"], -1.0, negative)
        return ops.concatenate([ops.ones_like(y_pred[..., :1]), negative], axis=-1), y_pred

    def triple_vectors(self, x, training=False):
        """Vectors of a batch's triples and negatives; arguments as in `triple_scores`.

        Returns:
            `((head, relation, tail), negatives)`, `(batch, triples, dim)` and `(batch, negatives,
            dim)`.
        """
        columns = ops.unstack(x["triples"], 3, axis=-1)
        vectors = self.triples(*columns, training=training)
        return vectors, self.triples.entities(x["negatives"], training=training)

    def _current_kg_weight(self):
        if callable(self.kg_weight):
            return ops.cast(self.kg_weight(self.optimizer.iterations), "float32")
        return self.kg_weight


def _checked_loss(loss):
    if loss.reduction != "sum_over_batch_size":
        raise ValueError(
            "`kg_loss` must have the reduction 'sum_over_batch_size', as the task's loss. "
            f"Received: {loss.reduction!r}."
        )
    return loss
