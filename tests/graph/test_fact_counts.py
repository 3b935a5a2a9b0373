"""Counts of walks between two sets of entities, against a walk through all facts."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import graph

ENTITIES, RELATIONS = 8, 3


def counts(facts, first, second):
    """Walk by walk, for one row."""
    facts = [tuple(map(int, fact)) for fact in np.unique(facts, axis=0)]
    first, second = ({int(i) for i in ids if i >= 0} for ids in (first, second))
    direct, outward, backward = np.zeros((3, RELATIONS))
    for h, r, t in facts:
        if h not in first:
            continue
        direct[r] += t in second
        for other, back, middle in facts:
            if other in second and middle == t:
                outward[r] += 1
                backward[back] += 1
    return np.log1p(np.concatenate([direct, outward, backward]))


def layer(facts):
    facts = np.unique(facts, axis=0)
    return graph.FactCounts(graph.FactIndex(ENTITIES, RELATIONS, len(facts), facts, name="facts"))


ids = st.lists(st.integers(-1, ENTITIES - 1), min_size=3, max_size=3)
rows = st.lists(st.tuples(ids, ids), min_size=1, max_size=4)
facts_of = st.lists(
    st.tuples(
        st.integers(0, ENTITIES - 1), st.integers(0, RELATIONS - 1), st.integers(0, ENTITIES - 1)
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None)
@given(facts_of, rows)
def test_counts_what_a_walk_counts(facts, rows):
    facts = np.array(facts, "int32")
    first, second = (np.array(column, "int32") for column in zip(*rows, strict=True))
    found = layer(facts)(first, second)
    wanted = [counts(facts, *row) for row in zip(first, second, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_a_walk_is_counted_in_its_own_row_alone():
    facts = np.array([[0, 0, 1], [1, 1, 2], [2, 2, 1]], "int32")
    # 0 -> 1 in one fact; 0 -> 1 <- 2 in two: by relation 0 from the first, by 2 from the second.
    first, second = np.array([[0, -1], [0, 0], [5, -1]]), np.array([[1, 2], [-1, -1], [2, 1]])
    found = layer(facts)(first, second)
    one = np.log(2.0)
    wanted = np.zeros((3, 9))
    wanted[0, [0, 3, 8]] = one
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_is_saved_with_a_model_and_works_in_a_graph(tmp_path):
    facts = np.random.default_rng(0).integers(0, [ENTITIES, RELATIONS, ENTITIES], (30, 3))
    first, second = np.random.default_rng(1).integers(-1, ENTITIES, (2, 5, 4)).astype("int32")
    inputs = [keras.Input((None,), dtype="int32") for _ in range(2)]
    model = keras.Model(inputs, layer(facts)(*inputs))
    assert model.output.shape == (None, 3 * RELATIONS)
    wanted = layer(facts)(first, second)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict([first, second], verbose=0), wanted)
    np.testing.assert_array_equal(tf.function(layer(facts))(first, second), wanted)


def test_many_walks_in_half_precision():
    last = 70_001  # a float16 counts to 65 504
    ends, middle = np.repeat([0, last], last - 1), np.tile(np.arange(1, last), 2)
    facts = np.stack([ends, 0 * ends, middle], axis=1).astype("int32")
    index = graph.FactIndex(last + 1, 1, len(facts), facts, name="facts")
    first, second = np.zeros((1, 1), "int32"), np.full((1, 1), last, "int32")
    found = graph.FactCounts(index, dtype="mixed_float16")(first, second)
    assert found.dtype == "float16"
    np.testing.assert_allclose(found, graph.FactCounts(index)(first, second), rtol=1e-3)


def test_needs_an_index():
    with pytest.raises(ValueError, match=r"`index` must be a graph\.FactIndex\. Received: 3"):
        graph.FactCounts(3)
