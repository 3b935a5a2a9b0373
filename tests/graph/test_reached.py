"""Laws of sums over what a walk reaches, against dictionaries."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras.graph import Reached

ROWS, ENTITIES = 3, 5
# Sums of multiples of 1/8 are exact in any order.
_arrivals = st.lists(
    st.tuples(
        st.integers(0, ROWS - 1),
        st.integers(0, ENTITIES - 1),
        st.integers(0, 16).map(lambda i: i / 8),
    ),
    max_size=20,
)
laws = settings(deadline=None, max_examples=40)


def _columns(arrivals):
    row, entity, score = zip(*arrivals, strict=True) if arrivals else ((), (), ())
    return (
        tf.constant(row, tf.int32),
        tf.constant(entity, tf.int32),
        tf.constant(score, tf.float32),
    )


def _summed(arrivals):
    return Reached.summed(*_columns(arrivals), ENTITIES)


def _scores(reached):
    cells = zip(reached.row.numpy().tolist(), reached.entity.numpy().tolist(), strict=True)
    return dict(zip(cells, reached.score.numpy().tolist(), strict=True))


def _expected(arrivals):
    sums = collections.defaultdict(float)
    for row, entity, score in arrivals:
        sums[row, entity] += score
    return dict(sums)


@laws
@given(_arrivals)
def test_sums(arrivals):
    reached = _summed(arrivals)
    assert len(reached.row) == len(_scores(reached))  # an entity comes once a row
    assert _scores(reached) == _expected(arrivals)
    for row, entity, best in zip(*(reached[i].numpy() for i in (0, 1, 3)), strict=True):
        mine = [score for r, e, score in arrivals if (r, e) == (row, entity)]
        assert arrivals[best][:2] == (row, entity)
        assert arrivals[best][2] == max(mine)
        first = next(i for i, a in enumerate(arrivals) if a == arrivals[best])
        assert best == first


@laws
@given(_arrivals, st.randoms(use_true_random=False))
def test_order_does_not_matter_to_sums(arrivals, random):
    shuffled = random.sample(arrivals, len(arrivals))
    assert _scores(_summed(shuffled)) == _scores(_summed(arrivals))


@laws
@given(
    _arrivals,
    st.lists(
        st.lists(st.integers(-1, ENTITIES - 1), min_size=4, max_size=4), min_size=3, max_size=3
    ),
)
def test_labelled(arrivals, answers):
    joined, told = _summed(arrivals).labelled(tf.constant(answers), ENTITIES)
    wanted = {(row, entity) for row, line in enumerate(answers) for entity in line if entity >= 0}
    expected = _expected(arrivals)
    assert _scores(joined) == {cell: expected.get(cell, 0.0) for cell in {*expected, *wanted}}
    assert dict(zip(_scores(joined), told.numpy().tolist(), strict=True)) == {
        cell: cell in wanted for cell in _scores(joined)
    }


@laws
@given(_arrivals, st.integers(1, 6))
def test_strongest_and_padded(arrivals, limit):
    reached = _summed(arrivals)
    best = reached.strongest(ROWS, limit)
    places = reached.padded(ROWS, limit).numpy()
    assert places.shape == (ROWS, limit)
    expected = _expected(arrivals)
    assert _scores(best).items() <= expected.items()
    kept = []
    for row in range(ROWS):
        wanted = sorted((s for (r, _), s in expected.items() if r == row), reverse=True)[:limit]
        assert best.score.numpy()[best.row.numpy() == row].tolist() == wanted
        found = places[row][places[row] >= 0]
        assert (places[row] >= 0).tolist() == [i < len(wanted) for i in range(limit)]
        assert (reached.row.numpy()[found] == row).all()
        assert reached.score.numpy()[found].tolist() == wanted
        kept += reached.entity.numpy()[found].tolist()
    assert best.entity.numpy().tolist() == kept
    assert best.row.numpy().tolist() == sorted(best.row.numpy().tolist())


def test_of_equals_the_first_is_kept():
    reached = _summed([(0, entity, 0.5) for entity in (3, 1, 4, 0)])
    assert reached.strongest(1, 2).entity.numpy().tolist() == [3, 1]
    assert reached.padded(1, 2).numpy().tolist() == [[0, 1]]


def test_nothing_reached():
    reached = _summed([])
    assert reached.padded(2, 3).numpy().tolist() == [[-1] * 3] * 2
    assert len(reached.strongest(2, 3).row) == 0
    joined, told = reached.labelled(tf.constant([[2], [-1]]), ENTITIES)
    assert _scores(joined) == {(0, 2): 0.0}
    assert told.numpy().tolist() == [True]
    joined, told = reached.labelled(tf.zeros((2, 0), tf.int32), ENTITIES)
    assert len(joined.row) == len(told) == 0


def test_more_cells_than_an_int32_counts():
    entities = 2**30
    reached = Reached.summed(
        tf.constant([9, 9, 4]), tf.constant([entities - 1, 7, 7]), tf.ones(3), entities
    )
    assert list(_scores(reached)) == [(9, entities - 1), (9, 7), (4, 7)]


def test_gradients_go_to_every_summand():
    row, entity, score = _columns([(0, 1, 0.5), (0, 1, 0.25), (1, 1, 2.0)])
    with tf.GradientTape() as tape:
        tape.watch(score)
        total = tf.reduce_sum(Reached.summed(row, entity, score, ENTITIES).score * [3.0, 5.0])
    np.testing.assert_array_equal(tape.gradient(total, score), [3, 3, 5])


@pytest.mark.parametrize("in_graph", [False, True])
def test_answers_that_do_not_exist(in_graph):
    def labelled(answers):
        return _summed([(0, 1, 0.5)]).labelled(answers, ENTITIES)[0].score

    if in_graph:
        labelled = tf.function(labelled, input_signature=[tf.TensorSpec((None, None), tf.int32)])
    assert labelled(tf.constant([[ENTITIES - 1, -7]])).numpy().tolist() == [0.5, 0]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"`answers` must be ids below 5, the number"
    ):
        labelled(tf.constant([[1, ENTITIES]]))
