import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import evaluation, kg

TRIPLES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 4)), max_size=25)


def _array(triples):
    return np.array(triples, "int32").reshape(-1, 3)


@settings(deadline=None, max_examples=60)
@given(TRIPLES, TRIPLES)
def test_agrees_with_a_set(known, asked):
    index, known = evaluation.TrueTriples(_array(known)), set(known)
    assert len(index) == len(known)
    assert index.contains(_array(asked)).tolist() == [triple in known for triple in asked]
    head, relation, tail = _array(asked).T
    for side, anchor in (("tail", head), ("head", tail)):
        rows, entities = index.answers(side, anchor, relation)
        expected = [
            (row, entity)
            for row, (h, r, t) in enumerate(asked)
            for entity in range(5)
            if ((h, r, entity) if side == "tail" else (entity, r, t)) in known
        ]
        assert list(zip(rows.tolist(), entities.tolist(), strict=True)) == expected
        counts = np.bincount(rows, minlength=len(asked))
        assert index.count(side, anchor, relation).tolist() == counts.tolist()


def test_sources_add_up():
    splits = kg.Splits.from_triples([("a", "r", "b")], [("b", "r", "a")], [("a", "r", "c")])
    whole = evaluation.TrueTriples(splits)
    assert len(whole) == 3
    parts = evaluation.TrueTriples(splits.train, splits.valid, splits.test.triples)
    for part in (splits.train, splits.valid, splits.test):
        assert whole.contains(part).all()
        assert parts.contains(part).all()
    # A relation beyond the last known one shares no query with another.
    assert not whole.contains(np.array([[0, 1, 0], [0, 2, 1]])).any()


@pytest.mark.parametrize(
    ("triples", "message"),
    [
        (np.zeros((2, 2), int), r"integer array \(n, 3\). Received: ndarray, shape \(2, 2\)"),
        (np.zeros((2, 3)), "dtype float64"),
        (np.array([[0, -1, 0]]), "must not be negative. Received: -1"),
    ],
)
def test_errors(triples, message):
    with pytest.raises(ValueError, match=message):
        evaluation.TrueTriples(triples)


def test_unknown_side():
    with pytest.raises(ValueError, match="`side` must be one of 'tail', 'head'"):
        evaluation.TrueTriples().answers("middle", [0], [0])
