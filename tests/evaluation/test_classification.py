import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import datasets, evaluation
from kgkeras.evaluation.triple_classification import best_threshold
from tests.evaluation.worlds import TableModel, random_world


def _scored(true, false):
    """A model of one entity pair a triple: relation 0 scores low, relation 1 high."""
    table = np.zeros((20, 2, 20), "float32")
    parts = []
    for first, (scores, head) in enumerate(((true, 0), (false, 1))):
        triples = [[head, r, 10 * first + i] for r in (0, 1) for i in range(len(scores))]
        for h, r, t in triples:
            table[h, r, t] = scores[t - 10 * first] + 100 * r
        parts.append(np.array(triples))
    return TableModel(table), *parts


def test_each_relation_has_its_threshold():
    model, true, false = _scored([3, 4, 5], [0, 1, 2])
    found = evaluation.classify_triples(model, true, false, true, false)
    assert found.thresholds.tolist() == [2.5, 102.5]
    assert found.metrics()["accuracy"] == found.metrics()["f1"] == 1
    # Over both relations, half of the pairs are in order only by relation: 12 + ... of 36.
    assert found.roc_auc == pytest.approx(27 / 36)
    assert 0 < found.average_precision < 1


def test_a_relation_unseen_in_validation_takes_the_common_threshold():
    model, true, false = _scored([3, 4, 5], [0, 1, 2])
    first = [part[part[:, 1] == 0] for part in (true, false)]
    found = evaluation.classify_triples(model, *first, true, false)
    assert found.thresholds.tolist() == [2.5, 2.5]
    assert found.accuracy == 0.75


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=12))
def test_no_threshold_is_more_accurate(scored):
    scores, labels = (np.array(column) for column in zip(*scored, strict=True))

    def accuracy(threshold):
        return np.mean((scores >= threshold) == labels)

    best = accuracy(best_threshold(scores.astype("float64"), labels))
    assert best == max(accuracy(threshold) for threshold in np.arange(-3.5, 4))


def test_scores_in_batches():
    table, train, *_ = random_world()
    expected = table[tuple(train.T)]
    for batch_size in (1, 64, 4096):
        found = evaluation.score_triples(TableModel(table), train, batch_size)
        np.testing.assert_array_equal(found, expected)
    assert evaluation.score_triples(TableModel(table), train[:0]).shape == (0,)


def test_false_triples_are_false():
    _, train, valid, test = random_world()
    known = evaluation.TrueTriples(train, valid, test)
    false = evaluation.false_triples(test, known, 23, seed=3)
    assert not known.contains(false).any()
    changed = false != test
    assert (changed.sum(axis=1) == 1).all()
    assert changed[:, 0].any()
    assert changed[:, 2].any()
    assert not changed[:, 1].any()
    np.testing.assert_array_equal(false, evaluation.false_triples(test, known, 23, seed=3))
    assert not np.array_equal(false, evaluation.false_triples(test, known, 23, seed=4))


def test_no_false_triple_to_be_found():
    every = np.array([[h, 0, t] for h in range(2) for t in range(2)])
    with pytest.raises(ValueError, match=r"among 2 entities.*none found for \[0, 0, 0\]"):
        evaluation.false_triples(every, every, 2)


def test_judged_negatives_of_a_benchmark(shared_data, monkeypatch):
    monkeypatch.setenv("KGKERAS_DATA", str(shared_data))
    splits, negatives = datasets.load("CoDEx-S"), datasets.load_negatives("CoDEx-S")

    class Oracle(TableModel):
        num_entities, num_relations = splits.num_entities, splits.num_relations

        def __init__(self):
            pass

        def score(self, head, relation, tail):
            return keras.ops.cast((head * 7 + tail * 3 + relation) % 11, "float32")

    found = evaluation.classify_triples(
        Oracle(), splits.valid, negatives["valid"], splits.test, negatives["test"]
    )
    # The scores mean nothing; but most relations have mostly true or mostly false triples here,
    # so thresholds that accept or refuse a whole relation are right three times out of four.
    assert 0.45 < found.roc_auc < 0.55
    assert 0.7 < found.accuracy < 0.8


def test_errors(monkeypatch):
    model, true, false = _scored([3], [0])
    with pytest.raises(ValueError, match="`test_negatives` must hold at least one triple"):
        evaluation.classify_triples(model, true, false, true, false[:0])
    model.table[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"Received: NaN for row 0, \[0, 0, 0\]"):
        evaluation.classify_triples(model, true, false, true, false)
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    with pytest.raises(ImportError, match=r"pip install 'kgkeras\[metrics\]'"):
        evaluation.classify_triples(model, true, false, true, false)
