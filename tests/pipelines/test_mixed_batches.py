"""Streams of several tasks as one: what each step holds, and that training can go on anywhere."""

import numpy as np
import pytest
import tensorflow as tf

from kgkeras import pipelines


def stream(start, batch, width=None, weights=False):
    """Endless batches of counted examples."""
    numbers = tf.data.Dataset.counter(start).map(lambda n: tf.cast(n, tf.int32))

    def example(n):
        x = {"n": n, "row": tf.fill([width or 1], n)}
        return (x, n, tf.cast(n, tf.float32)) if weights else (x, n)

    return numbers.map(example).batch(batch)


def streams(**options):
    return {"a": stream(0, 4, **options), "b": stream(1000, 6, width=3, **options)}


def taken(dataset, count):
    return list(dataset.take(count).as_numpy_iterator())


def numbers(batches, task):
    """The examples of a task, in their order."""
    return np.concatenate([x[task]["n"].ravel() for x, *_ in batches])


def test_all_tasks_in_each_step():
    batches = taken(pipelines.mixed_batches(streams(), rows=2), 5)
    x, y = batches[0]
    assert x["a"]["n"].shape == (2, 2)
    assert x["b"]["row"].shape == (2, 3, 3)
    assert y["b"].shape == (2, 3)
    np.testing.assert_array_equal(numbers(batches, "a"), np.arange(20))
    np.testing.assert_array_equal(numbers(batches, "b"), 1000 + np.arange(30))
    later = taken(pipelines.mixed_batches(streams(), rows=2, first_step=3), 2)
    np.testing.assert_array_equal(numbers(later, "b"), numbers(batches[3:], "b"))


def test_one_task_a_step():
    rates = {"a": 3, "b": 1}
    batches = taken(pipelines.mixed_batches(streams(), rates, seed=5), 400)
    sizes = np.array([[x["a"]["n"].size, x["b"]["n"].size] for x, _ in batches])
    assert set(map(tuple, sizes)) == {(4, 0), (0, 6)}
    assert 0.7 < (sizes[:, 0] > 0).mean() < 0.8
    # What one task does not take, waits.
    np.testing.assert_array_equal(numbers(batches, "a"), np.arange(sizes[:, 0].sum()))
    later = taken(pipelines.mixed_batches(streams(), rates, seed=5, first_step=100), 50)
    for task in rates:
        np.testing.assert_array_equal(numbers(later, task), numbers(batches[100:150], task))
    other = taken(pipelines.mixed_batches(streams(), rates, seed=6), 50)
    assert any(
        x["a"]["n"].size != z["a"]["n"].size for (x, _), (z, _) in zip(batches, other, strict=False)
    )


def test_weights_of_examples():
    _x, y, weights = taken(pipelines.mixed_batches(streams(weights=True), rows=2), 1)[0]
    np.testing.assert_array_equal(weights["b"], y["b"])
    mixed = {"a": stream(0, 4), "b": stream(0, 4, weights=True)}
    with pytest.raises(ValueError, match="Either all of `streams` must give sample weights"):
        pipelines.mixed_batches(mixed)


def test_one_pass_over_each_task():
    ended = {"a": stream(0, 4).take(2), "b": stream(1000, 6).take(1)}
    uneven = {**ended, "b": stream(1000, 6).take(1).unbatch().take(5).batch(3)}
    batches = taken(pipelines.task_batches(uneven), 10)
    assert [x["a"]["n"].size for x, _ in batches] == [4, 4, 0, 0]
    assert [x["b"]["n"].size for x, _ in batches] == [0, 0, 3, 2]


def test_rows_must_divide_batches():
    with pytest.raises(tf.errors.InvalidArgumentError, match="must divide the size of each batch"):
        taken(pipelines.mixed_batches({"a": stream(0, 5)}, rows=2), 1)


def test_bad_streams_and_rates():
    with pytest.raises(ValueError, match="must hold at least one task"):
        pipelines.mixed_batches({})
    with pytest.raises(ValueError, match=r"`streams\['a'\]` must give \(x, y\)"):
        pipelines.mixed_batches({"a": tf.data.Dataset.range(3)})
    with pytest.raises(ValueError, match="`rates` must hold a number of at least 0 for each"):
        pipelines.mixed_batches(streams(), {"a": 1})
    with pytest.raises(ValueError, match="must not all be 0"):
        pipelines.mixed_batches(streams(), {"a": 0, "b": 0})


def test_rates_by_size():
    sizes = {"a": 900, "b": 100}
    assert pipelines.task_rates(sizes) == pytest.approx({"a": 0.9, "b": 0.1})
    assert pipelines.task_rates(sizes, 2) == pytest.approx({"a": 0.75, "b": 0.25})
    assert pipelines.task_rates(sizes, np.inf) == pytest.approx({"a": 0.5, "b": 0.5})
    with pytest.raises(ValueError, match="`temperature` must be at least 1"):
        pipelines.task_rates(sizes, 0.5)
    with pytest.raises(ValueError, match=r"`sizes\['b'\]` must be a positive integer"):
        pipelines.task_rates({"b": 0})


def test_annealed_rates():
    rates = pipelines.annealed_task_rates({"a": 900, "b": 100}, steps=10, last=0.5)
    seen = rates(tf.constant([0, 10, 99], tf.int64)).numpy()
    np.testing.assert_allclose(seen, [[0.9, 0.1], [0.75, 0.25], [0.75, 0.25]], rtol=1e-5)
    batches = taken(pipelines.mixed_batches(streams(), rates), 30)
    assert {x["a"]["n"].size for x, _ in batches} == {0, 4}
    with pytest.raises(ValueError, match=r"`last` must be in \[0, 1\]"):
        pipelines.annealed_task_rates({"a": 1}, 10, last=2)


def test_graph_as_a_task():
    from tests import toy

    graph = toy.graph()
    options = {"batch_size": 16, "num_negatives": 5, "chunk_size": 4}
    batches = taken(pipelines.graph_task_batches(graph, **options), 6)
    known = set(map(tuple, graph.triples.tolist()))
    for x, y in batches:
        assert y.shape == (4, 4, 2, 6)
        assert (y[..., 0] == 1).all()
        for row, column in np.ndindex(4, 4):
            head, relation, tail = x["triples"][row, column].tolist()
            negatives, labels = x["negatives"][row], y[row, column]
            assert (head, relation, tail) in known
            for place, other in enumerate(negatives.tolist(), 1):
                assert labels[0, place] == -((head, relation, other) in known)
                assert labels[1, place] == -((other, relation, tail) in known)
    later = taken(pipelines.graph_task_batches(graph, **options, first_step=4), 2)
    np.testing.assert_array_equal(later[0][0]["triples"], batches[4][0]["triples"])
    whole = taken(pipelines.graph_task_batches(graph, batch_size=16), 1)[0]
    assert (whole[0]["triples"].shape, whole[1].shape) == ((1, 16, 3), (1, 16, 2, 33))
    with pytest.raises(ValueError, match="`chunk_size` must divide a replica's share"):
        pipelines.graph_task_batches(graph, batch_size=16, chunk_size=5)
