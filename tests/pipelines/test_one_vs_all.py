import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import pipelines
from tests.pipelines import graphs

GRAPH = graphs.skewed(num_facts=250)


@settings(deadline=None, max_examples=6)
@given(facts=graphs.FACTS, batch_size=st.integers(1, 40), seed=st.integers(0, 9))
def test_every_triple_once_a_pass(facts, batch_size, seed):
    graph = graphs.graph(facts)
    batches = pipelines.one_vs_all_batches(graph, batch_size=batch_size, seed=seed)
    taken = graphs.take(batches, -(-3 * len(facts) // batch_size))
    rows = graphs.columns(taken, "head", "relation", "tail").tolist()
    for start in range(0, 3 * len(facts), len(facts)):
        assert sorted(rows[start : start + len(facts)]) == sorted(graph.triples.tolist())


def test_orders_have_nothing_in_common():
    graph = graphs.graph([(i, 0, i) for i in range(250)], num_entities=250)

    def order(first_epoch=0, seed=0):
        batches = pipelines.one_vs_all_batches(
            graph, batch_size=250, first_epoch=first_epoch, seed=seed
        )
        return graphs.take(batches, 1)[0]["head"]

    # Of 250 places, two random orders agree in about one.
    orders = [
        np.arange(250),
        *(order(e) for e in (0, 1, 2, 3, 256)),
        order(seed=1),
        order(seed=256),
    ]
    for one, other in itertools.combinations(orders, 2):
        assert (one == other).sum() < 10
        # Nor does one hold the other's rows, moved.
        steps = (one - other) % 250
        assert np.bincount(steps).max() < 15


@settings(deadline=None, max_examples=3)
@given(epoch=st.integers(1, 4), seed=st.integers(0, 99))
def test_resuming_continues_the_stream(epoch, seed):
    arguments = {"batch_size": 32, "seed": seed}
    steps = pipelines.triple_steps(GRAPH, 32)
    whole = graphs.take(pipelines.one_vs_all_batches(GRAPH, **arguments), 3, skip=epoch * steps)
    resumed = pipelines.one_vs_all_batches(GRAPH, first_epoch=epoch, **arguments)
    graphs.assert_same(whole, graphs.take(resumed, 3))


def test_seeds():
    one, same, other = (
        graphs.take(pipelines.one_vs_all_batches(GRAPH, batch_size=32, seed=seed), 2)
        for seed in (1, 1, 2)
    )
    graphs.assert_same(one, same)
    assert not np.array_equal(one[0]["head"], other[0]["head"])


def test_an_epoch_holds_every_triple():
    assert pipelines.triple_steps(GRAPH, 25) == 10
    assert pipelines.triple_steps(GRAPH, 26) == 10
    assert pipelines.triple_steps(GRAPH, 24) == 11
    assert pipelines.triple_steps(GRAPH, 1000) == 1


def test_shapes_are_static():
    spec = pipelines.one_vs_all_batches(GRAPH, batch_size=32).element_spec
    assert {name: (tuple(s.shape), s.dtype.name) for name, s in spec.items()} == dict.fromkeys(
        ("head", "relation", "tail"), ((32,), "int32")
    )


def test_resuming_after_short_epochs():
    whole = graphs.take(pipelines.one_vs_all_batches(GRAPH, batch_size=16, seed=3), 2, skip=4)
    short = pipelines.one_vs_all_batches(
        GRAPH, batch_size=16, seed=3, first_epoch=2, steps_per_epoch=2
    )
    graphs.assert_same(whole, graphs.take(short, 2))


@pytest.mark.parametrize(
    ("graph", "arguments", "message"),
    [
        (GRAPH, {"batch_size": 0}, "`batch_size` must be a positive integer"),
        (GRAPH, {"steps_per_epoch": 0}, "`steps_per_epoch` must be a positive integer"),
        (GRAPH, {"first_epoch": -1}, "`first_epoch` must be finite and at least 0"),
        (GRAPH, {"first_epoch": 1.5}, "`first_epoch` must be a whole number"),
        (graphs.graph([]), {}, "`graph` must hold at least one triple"),
    ],
)
def test_bad_arguments(graph, arguments, message):
    with pytest.raises(ValueError, match=message):
        pipelines.one_vs_all_batches(graph, **{"batch_size": 8, **arguments})


def test_no_steps():
    with pytest.raises(ValueError, match="`graph` must hold at least one triple"):
        pipelines.triple_steps(graphs.graph([]), 8)
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
        pipelines.triple_steps(GRAPH, True)
