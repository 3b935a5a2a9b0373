"""Triple classification: tells true triples from false ones by a threshold for each relation."""

import dataclasses

import numpy as np

from kgkeras.evaluation.extras import sklearn
from kgkeras.evaluation.triple_scores import score_triples
from kgkeras.evaluation.true_triples import as_triples


@dataclasses.dataclass(frozen=True, eq=False)
class TripleClassification:
    """How well a model told true triples from false ones.

    Attributes:
        accuracy: Share of right answers.
        f1: F1 of the answer "true".
        roc_auc: Area under the ROC curve of the scores, over all relations together.
        average_precision: Average precision of the scores, over all relations together.
        thresholds: Float array `(relations,)`: a triple counts as true if its score is no less.
    """

    accuracy: float
    f1: float
    roc_auc: float
    average_precision: float
    thresholds: np.ndarray

    def metrics(self):
        """Dict of the four figures."""
        names = ("accuracy", "f1", "roc_auc", "average_precision")
        return {name: getattr(self, name) for name in names}


def classify_triples(model, valid, valid_negatives, test, test_negatives):
    """Chooses thresholds on validation triples and judges test triples by them.

    `datasets.load_negatives` has negatives that people judged, `false_triples` draws some.

    Args:
        model: As for `score_triples`; also has `num_relations`.
        valid: True triples to choose by: `kg.KnowledgeGraph` or integer array `(n, 3)`.
        valid_negatives: False triples to choose by.
        test: True triples to judge.
        test_negatives: False triples to judge.

    Returns:
        `TripleClassification`.

    Raises:
        ValueError: If one of the four holds no triple, or a score is NaN.
        ImportError: If scikit-learn is missing.
    """
    metrics = sklearn("metrics")
    relations, scores, labels = _scored(model, valid=valid, valid_negatives=valid_negatives)
    thresholds = relation_thresholds(scores, labels, relations, model.num_relations)
    relations, scores, labels = _scored(model, test=test, test_negatives=test_negatives)
    answers = scores >= thresholds[relations]
    return TripleClassification(
        accuracy=float(metrics.accuracy_score(labels, answers)),
        f1=float(metrics.f1_score(labels, answers, zero_division=0)),
        roc_auc=float(metrics.roc_auc_score(labels, scores)),
        average_precision=float(metrics.average_precision_score(labels, scores)),
        thresholds=thresholds,
    )


def relation_thresholds(scores, labels, relations, num_relations):
    """The threshold of each relation that gives the best accuracy on labelled scores.

    Args:
        scores: Float array `(n,)`; higher is more plausible.
        labels: Boolean array `(n,)`.
        relations: Integer array `(n,)`.
        num_relations: Number of relations.

    Returns:
        Float array `(num_relations,)`. A relation without a score has the best threshold of all
        relations together.
    """
    scores, labels = np.asarray(scores, "float64"), np.asarray(labels, bool)
    thresholds = np.full(num_relations, best_threshold(scores, labels))
    for relation in np.unique(relations):
        chosen = relations == relation
        thresholds[relation] = best_threshold(scores[chosen], labels[chosen])
    return thresholds


def best_threshold(scores, labels):
    """The threshold with the best accuracy: halfway between two scores, or beyond all of them.

    Of several, the lowest; infinite where all or none should count as true.
    """
    order = np.argsort(scores, kind="stable")
    scores, labels = scores[order], labels[order]
    # Right answers if the first i scores are below the threshold: (n + 1,).
    right = np.append(0, np.cumsum(~labels)) + np.append(np.cumsum(labels[::-1])[::-1], 0)
    between = np.append(np.append(True, np.diff(scores) > 0), True)
    best = int(np.argmax(np.where(between, right, -1)))
    if best in (0, len(scores)):
        return float("-inf") if best == 0 else float("inf")
    below, above = scores[best - 1], scores[best]
    return float(below + (above - below) / 2) if np.isfinite(below) else float(above)


def _scored(model, **parts):
    """Relations, scores and labels of true and false triples together."""
    (name, true), (other, false) = ((name, as_triples(part)) for name, part in parts.items())
    for part, label in ((true, name), (false, other)):
        if not len(part):
            raise ValueError(f"`{label}` must hold at least one triple. Received: none.")
    triples = np.concatenate([true, false])
    labels = np.arange(len(triples)) < len(true)
    # A model may give minus infinity to what can never be; ROC curves need numbers.
    scores = np.maximum(score_triples(model, triples), np.finfo("float32").min)
    return triples[:, 1], scores, labels
