"""The official figure of SemEval-2010 Task 8."""

import numpy as np


def relation_f1(labels, predictions, classes, other="Other"):
    """Macro-averaged F1 over relations, both directions of each taken together.

    A class is a relation with a direction, such as `Cause-Effect(e2,e1)`. An answer with the
    wrong direction is wrong, for precision and for recall; `other` is no relation: it is left out
    of the average, but answers of it and for it count as errors. This is the "(9+1)-way
    evaluation taking directionality into account" of the official scorer.

    Args:
        labels: Integer array `(n,)`: the right classes.
        predictions: Integer array `(n,)`: the answers.
        classes: Names of the classes.
        other: Name of the class that is no relation.

    Returns:
        Float in [0, 1].

    Reference: Hendrickx et al., SemEval-2010 Task 8, section 5.
    """
    relations = np.array([name.split("(")[0] for name in classes])
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    right = labels == predictions
    scores = []
    for relation in sorted(set(relations) - {other}):
        meant = relations[labels] == relation
        answered = relations[predictions] == relation
        hits = np.sum(right & meant)
        scores.append(2 * hits / max(meant.sum() + answered.sum(), 1))
    return float(np.mean(scores))
