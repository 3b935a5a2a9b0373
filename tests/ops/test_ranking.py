import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import ops
from kgkeras.ops.ranking import count_competitors
from tests import reference

TIES = ("mean", "optimistic", "pessimistic")


def _ranks(*arguments, **options):
    return keras.ops.convert_to_numpy(ops.ranks_from_scores(*arguments, **options))


@st.composite
def _problems(draw, values=(-2.0, 0.0, 1.0, 1.0 + 1e-6, 3.0, float("-inf"), float("nan"))):
    """Scores with many ties, targets and known columns, which may be repeated or the target."""
    queries, candidates = draw(st.integers(1, 4)), draw(st.integers(1, 7))
    row = st.lists(st.sampled_from(values), min_size=candidates, max_size=candidates)
    scores = draw(st.lists(row, min_size=queries, max_size=queries))
    column = st.integers(0, candidates - 1)
    target = draw(st.lists(column, min_size=queries, max_size=queries))
    width = draw(st.integers(0, 4))
    known = st.lists(st.integers(-1, candidates - 1), min_size=width, max_size=width)
    known = np.array(draw(st.lists(known, min_size=queries, max_size=queries)), "int32")
    return np.array(scores, "float32"), np.array(target), known.reshape(queries, width)


@settings(deadline=None, max_examples=40)
@given(_problems(), st.sampled_from(TIES), st.sampled_from([0.0, 1e-5, 0.5]))
def test_agrees_with_counting(problem, ties, tolerance):
    scores, target, known = problem
    expected = [
        reference.rank(list(row), answer, set(left_out), ties, tolerance)
        for row, answer, left_out in zip(scores, target, known, strict=True)
    ]
    np.testing.assert_array_equal(_ranks(scores, target, known, ties, tolerance), expected)


@settings(deadline=None, max_examples=30)
@given(_problems(values=(-2.0, 0.0, 1.0, 2.0)), st.integers(-8, 8), st.permutations(range(7)))
def test_shifts_and_the_order_of_candidates_do_not_matter(problem, shift, order):
    scores, target, known = problem
    expected = _ranks(scores, target, known)
    np.testing.assert_array_equal(_ranks(scores + shift, target, known), expected)
    order = np.array([i for i in order if i < scores.shape[1]])
    place = np.argsort(order)
    moved = np.where(known >= 0, place[known], -1)
    np.testing.assert_array_equal(_ranks(scores[:, order], place[target], moved), expected)


@pytest.mark.parametrize("columns", [40_000, 2**16 - 1, 2**16])
def test_counts_of_many_candidates(columns):
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, (3, columns)).astype("float32")
    rows = np.array([0, 0, 1, 2, 2, 2])
    bounds = np.array([-1, 5, 2, 2, 0, 4], "float32")
    above, reached = map(
        keras.ops.convert_to_numpy, count_competitors(scores, rows, bounds, bounds)
    )
    np.testing.assert_array_equal(above, np.sum(scores[rows] > bounds[:, None], axis=1))
    np.testing.assert_array_equal(reached, np.sum(scores[rows] >= bounds[:, None], axis=1))
    assert above[0] == reached[0] == columns


def test_a_constant_scorer_is_in_the_middle():
    target = np.array([0, 3, 50, 100])
    np.testing.assert_array_equal(_ranks(np.zeros((4, 101)), target), 51.0)
    np.testing.assert_array_equal(_ranks(np.zeros((4, 101)), target, ties="optimistic"), 1.0)
    np.testing.assert_array_equal(_ranks(np.zeros((4, 101)), target, ties="pessimistic"), 101.0)


def test_integers_and_extremes():
    np.testing.assert_array_equal(_ranks(np.array([[3, 1, 2]]), [2]), [2.0])
    scores = np.array([[np.inf, 1.0, -np.inf, np.nan]] * 4, "float32")
    np.testing.assert_array_equal(_ranks(scores, np.arange(4)), [1, 2, 3, 4])
    nothing = np.full((1, 5), np.nan, "float32")
    assert _ranks(nothing, [0], ties="optimistic") == 5


def test_compiled_ranks_are_the_same():
    scores = np.random.default_rng(0).normal(size=(6, 9)).round(1).astype("float32")
    target, known = np.arange(6), np.tile([0, 8, -1], (6, 1))
    compiled = ops.compiled(lambda *arguments: ops.ranks_from_scores(*arguments))
    for rows in (6, 4, 3):
        found = keras.ops.convert_to_numpy(compiled(scores[:rows], target[:rows], known[:rows]))
        np.testing.assert_array_equal(found, _ranks(scores, target, known)[:rows])


def test_compiled_functions_see_variables_change():
    variable = keras.Variable(np.float32(2.0))
    double = ops.compiled(lambda x: variable * x, [variable])
    assert float(double(np.float32(3.0))) == 6.0
    variable.assign(5.0)
    assert float(double(np.float32(3.0))) == 15.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ties": "random"}, "`ties` must be one of 'mean'.*Received: 'random'"),
        ({"tolerance": -1}, "`tolerance` must be finite and at least 0. Received: -1"),
        ({"scores": np.zeros(3)}, r"`scores` must be \(queries, candidates\).*scores \(3,\)"),
        ({"target": np.zeros(3, int)}, r"Received: scores \(2, 3\), target \(3,\)"),
        ({"known": np.zeros(2, int)}, r"known \(2,\)"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        ops.ranks_from_scores(
            **{"scores": np.zeros((2, 3)), "target": np.zeros(2, int)} | arguments
        )
