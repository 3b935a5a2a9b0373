"""A training batch as scores of candidates: what the losses of triples compare."""

import dataclasses
from typing import Any

from keras import ops

from kgkeras.ops.layer_call import as_layer


@dataclasses.dataclass(frozen=True)
class CandidateScores:
    """Candidates of each query of a batch, and the triples that the batch stands for.

    `y_pred` are float32 scores `(..., candidates)`. Which of them are true say either `y_true`, of
    the same shape: 1 for a true candidate, 0 for a false one, -1 for one to ignore; or `answers`
    `(queries, k)`, ids of true entities among all entities, filled up with -1. `vectors` are head,
    relation and tail of the triples, which broadcast over `(batch, k)`; `known` is True where
    there is such a triple. `triples` is what they were looked up in.
    """

    triples: Any

    y_pred: Any
    vectors: tuple
    relation: Any
    y_true: Any = None
    answers: Any = None
    known: Any = None
    weight: Any = None

    def labels(self):
        """`y_true`, made from `answers` where there is none."""
        if self.y_true is not None:
            return self.y_true
        return _multi_hot(self.answers, self.y_pred.shape[-1])

    def read_by(self, loss):
        """Whether `loss` takes `answers` as they are, without a matrix of labels."""
        plain = getattr(loss, "reduction", None) == "sum_over_batch_size"
        told = self.answers is not None and self.weight is None
        return told and plain and hasattr(loss, "from_answers")

    def per_row(self, values):
        """The sum of one value a triple over the batch, divided by its rows, as the loss is."""
        if self.known is None:
            return ops.mean(values)
        values = values * ops.cast(self.known, values.dtype)
        return ops.sum(values) / ops.cast(ops.shape(values)[0], values.dtype)


def candidate_scores(model, x, training):
    """Scores a training batch of a `LinkPredictor`.

    Args:
        model: A `LinkPredictor`.
        x: Dict of tensors, as `kgkeras.pipelines` makes them.
        training: Whether dropout is active.

    Raises:
        ValueError: If the batch holds queries and the model is not reciprocal.
    """
    kind = _sampled if "negatives" in x else _queries if "answers" in x else _all
    triples = model.triples.encoded(training, _facts(x))
    return as_layer(lambda: kind(model, triples, x, training), training)  # Scorers have dropout.


def _facts(x):
    """Ids of head, relation and tail of the triples of a batch; they broadcast."""
    if "answers" not in x:
        return x["head"], x["relation"], x["tail"]
    return ops.expand_dims(x["head"], 1), ops.expand_dims(x["relation"], 1), x["answers"]


def _all(model, triples, x, training):
    """Each triple against all entities: its tail and, without inverse relations, its head."""
    head, relation, tail = vectors = _look_up(triples, x, training)
    candidates = triples.entities.vectors(training=training)
    y_pred = model.scorer.score_tails(head, relation, candidates)
    answers, weight = x["tail"], x.get("weight")
    if not model.reciprocal:
        heads = model.scorer.score_heads(candidates, relation, tail)
        y_pred = ops.concatenate([y_pred, heads], axis=0)
        answers = ops.concatenate([answers, x["head"]], axis=0)
        weight = None if weight is None else ops.concatenate([weight, weight], axis=0)
    answers = ops.expand_dims(answers, 1)
    y_pred = ops.cast(y_pred, "float32")
    return CandidateScores(triples, y_pred, vectors, x["relation"], answers=answers, weight=weight)


def _queries(model, triples, x, training):
    """Each query against all entities, with all the answers that its row holds."""
    if not model.reciprocal:
        raise ValueError(
            "Batches of queries ask for tails only, so the model must be reciprocal. "
            f"Received: {model.name!r} with reciprocal=False."
        )
    entities, answers = triples.entities, x["answers"]
    head = entities(x["head"], training=training)
    relation = triples.relations(x["relation"], training=training)
    y_pred = model.scorer.score_tails(head, relation, entities.vectors(training=training))
    vectors = (
        ops.expand_dims(head, 1),
        ops.expand_dims(relation, 1),
        entities(answers, training=training),
    )
    width = ops.shape(answers)[1]
    return CandidateScores(
        triples,
        ops.cast(y_pred, "float32"),
        vectors,
        ops.repeat(ops.expand_dims(x["relation"], 1), width, axis=1),
        answers=answers,
        known=answers >= 0,
        weight=x.get("weight"),
    )


def _multi_hot(answers, num_entities):
    """`(batch, num_entities)`: 1 at each answer; a negative one counts for nothing."""
    rows = ops.expand_dims(ops.arange(ops.shape(answers)[0], dtype="int32"), 1)
    rows = ops.broadcast_to(rows, ops.shape(answers))
    known = ops.cast(answers >= 0, "float32")
    places = ops.stack([rows, ops.maximum(answers, 0)], axis=-1)  # (batch, answers, 2)
    return ops.scatter(
        ops.reshape(places, (-1, 2)),
        ops.reshape(known, (-1,)),
        (ops.shape(answers)[0], num_entities),
    )


def _sampled(model, triples, x, training):
    """Each triple against entities drawn for its chunk of the batch, in place of either side."""
    head, relation, tail = vectors = _look_up(triples, x, training)
    scorer, entities = model.scorer, triples.entities
    chunks = ops.shape(x["negatives"])[0]
    split = [_in_chunks(vector, chunks) for vector in vectors]  # (chunks, of one chunk, dim)

    def scores(side, ids):
        candidates = entities(ids, training=training)
        if side == "tail":
            scored = scorer.score_tails(split[0], split[1], candidates)
        else:
            scored = scorer.score_heads(candidates, split[1], split[2])
        return ops.reshape(scored, (-1, ops.shape(ids)[1]))  # (batch, negatives)

    def labels(side, ids, known):
        own = _in_chunks(ops.expand_dims(x[side], -1), chunks)  # (chunks, of one chunk, 1)
        ignored = ops.reshape(own == ops.expand_dims(ids, 1), (-1, ops.shape(ids)[1]))
        if known is not None:
            ignored = ops.logical_or(ignored, known)
        return ops.where(ignored, -1.0, 0.0)

    negatives = scores("tail", x["negatives"])
    y_true = labels("tail", x["negatives"], x.get("known"))
    if "corrupt_head" in x:
        side = ops.expand_dims(x["corrupt_head"], -1)
        negatives = ops.where(side, scores("head", x["negatives"]), negatives)
        y_true = ops.where(side, labels("head", x["negatives"], x.get("known")), y_true)
    weight = x.get("weight")
    if "head_negatives" in x:
        heads = scores("head", x["head_negatives"])
        head_labels = labels("head", x["head_negatives"], x.get("known_heads"))
        negatives = ops.stack([negatives, heads], axis=1)
        y_true = ops.stack([y_true, head_labels], axis=1)
        weight = None if weight is None else ops.stack([weight, weight], axis=1)
    positive = ops.expand_dims(scorer(head, relation, tail), -1)
    if "head_negatives" in x:
        positive = ops.stack([positive, positive], axis=1)
    y_pred = ops.cast(ops.concatenate([positive, negatives], axis=-1), "float32")
    y_true = ops.concatenate([ops.ones_like(y_true[..., :1]), y_true], axis=-1)
    return CandidateScores(triples, y_pred, vectors, x["relation"], y_true=y_true, weight=weight)


def _look_up(triples, x, training):
    return (
        triples.entities(x["head"], training=training),
        triples.relations(x["relation"], training=training),
        triples.entities(x["tail"], training=training),
    )


def _in_chunks(values, chunks):
    """`(batch, ...)` as `(chunks, batch / chunks, ...)`."""
    return ops.reshape(values, (chunks, -1, *values.shape[1:]))
