"""Spans that tags tell, and their figures."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kgkeras import evaluation, metrics
from kgkeras.ops import tag_spans

TYPES = ("a", "b")
TAGS = 2 * len(TYPES) + 1


def spans(tags):
    """`(type, start, end)` of one text, word by word."""
    found, open_span = [], None
    for place, tag in enumerate([*tags, 0]):
        kind = (tag - 1) // 2 if tag else None
        if open_span and (kind != open_span[0] or tag % 2):
            found.append((*open_span, place))
            open_span = None
        if kind is not None and open_span is None:
            open_span = (kind, place)
    return found


@settings(deadline=None, max_examples=60)
@given(arrays("int32", (4, 9), elements=st.integers(0, TAGS - 1)), arrays(bool, (4, 9)))
def test_spans(tags, words):
    starts, types, ends = map(keras.ops.convert_to_numpy, tag_spans(tags, words))
    for row in range(len(tags)):
        places = [*np.flatnonzero(words[row]), 9]
        wanted = [(k, places[a], places[b]) for k, a, b in spans(tags[row][words[row]])]
        found = np.flatnonzero(starts[row])
        assert [(types[row, i], i, ends[row, i]) for i in found] == wanted


@settings(deadline=None, max_examples=40)
@given(arrays("int32", (2, 3, 8), elements=st.integers(0, TAGS - 1)), arrays(bool, (3, 8)))
def test_f1(tags, words):
    true, told = tags
    metric = metrics.SpanF1()
    metric.update_state(np.where(words, true, -1), np.eye(TAGS)[told])
    sets = [
        {(row, *span) for row in range(3) for span in spans(some[row][words[row]])}
        for some in (true, told)
    ]
    right = len(sets[0] & sets[1])
    f1 = 2 * right / max(len(sets[0]) + len(sets[1]), 1)
    np.testing.assert_allclose(metric.result(), f1, rtol=1e-6)
    rows = [[some[row][words[row]] for row in range(3)] for some in (true, told)]
    figures = evaluation.span_figures(*rows, TYPES)
    np.testing.assert_allclose(figures["micro"]["f1"], f1)
    assert figures["micro"]["support"] == len(sets[0])
    of_a = [{span for span in some if span[1] == 0} for some in sets]
    np.testing.assert_allclose(
        figures["a"]["precision"], len(of_a[0] & of_a[1]) / max(len(of_a[1]), 1)
    )
    means = (figures["a"]["recall"] + figures["b"]["recall"]) / 2
    np.testing.assert_allclose(figures["macro"]["recall"], means)


def test_f1_weighs_and_goes_on():
    metric = metrics.SpanF1()
    true = np.array([[1, 2, 0], [3, 0, 0]])
    metric.update_state(true, np.eye(TAGS)[true], sample_weight=np.array([1.0, 0.0]))
    metric.update_state(true, np.eye(TAGS)[np.zeros_like(true)])
    np.testing.assert_allclose(metric.result(), 2 * 1 / (1 + 3))
    metric.reset_state()
    assert metric.result() == 0


def test_no_texts():
    starts, _, ends = tag_spans(np.zeros((0, 4), "int32"), np.zeros((0, 4), bool))
    assert starts.shape == ends.shape == (0, 4)
    starts, _, _ = tag_spans(np.zeros((2, 0), "int32"), np.zeros((2, 0), bool))
    assert starts.shape == (2, 0)


def test_wrong_texts():
    with pytest.raises(ValueError, match="`true` and `told` must be of the same texts"):
        evaluation.span_figures([[0, 1]], [[0]], TYPES)
