import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import pipelines
from tests.pipelines import graphs

GRAPH = graphs.skewed()


def _answers(graph):
    """The set of true tails of each query, counted one by one."""
    answers = collections.defaultdict(set)
    for head, relation, tail in graph.triples.tolist():
        answers[head, relation].add(tail)
    return answers


def _rows(batches):
    """`(head, relation)` and the answers of each row, without padding."""
    for batch in batches:
        assert set(batch) == {"head", "relation", "tail", "answers"}
        for head, relation, tail, answers in zip(*batch.values(), strict=True):
            assert tail in answers[answers >= 0]
            length = int((answers >= 0).sum())
            assert (answers[length:] == -1).all()
            assert (np.diff(answers[:length]) > 0).all()
            yield (int(head), int(relation)), answers[:length].tolist()


@settings(deadline=None, max_examples=6)
@given(facts=graphs.FACTS, batch_size=st.integers(1, 20), seed=st.integers(0, 9))
def test_a_row_holds_all_answers(facts, batch_size, seed):
    graph = graphs.graph(facts)
    expected = _answers(graph)
    batches = pipelines.query_batches(graph, batch_size=batch_size, seed=seed)
    rows = list(_rows(graphs.take(batches, -(-2 * len(expected) // batch_size))))
    for one_pass in (rows[: len(expected)], rows[len(expected) : 2 * len(expected)]):
        assert {query: set(answers) for query, answers in one_pass} == expected


@settings(deadline=None, max_examples=6)
@given(facts=graphs.FACTS, max_answers=st.integers(1, 5), batch_size=st.integers(1, 20))
def test_long_queries_take_several_rows(facts, max_answers, batch_size):
    graph = graphs.graph(facts)
    expected = _answers(graph)
    count = sum(-(-len(answers) // max_answers) for answers in expected.values())
    batches = pipelines.query_batches(graph, batch_size=batch_size, max_answers=max_answers)
    rows = list(_rows(graphs.take(batches, -(-count // batch_size))))[:count]
    found, lengths = collections.defaultdict(list), collections.defaultdict(list)
    for query, answers in rows:
        found[query] += answers
        lengths[query].append(len(answers))
    assert {query: sorted(answers) for query, answers in found.items()} == {
        query: sorted(answers) for query, answers in expected.items()
    }
    for of_query in lengths.values():
        assert 1 <= min(of_query) <= max(of_query) <= max_answers
        assert max(of_query) - min(of_query) <= 1


def test_width_is_the_next_power_of_two():
    widths = set()
    for batch in graphs.take(pipelines.query_batches(GRAPH, batch_size=4), 40):
        longest = (batch["answers"] >= 0).sum(axis=1).max()
        width = batch["answers"].shape[1]
        assert width == 2 ** int(np.ceil(np.log2(longest)))
        widths.add(width)
    assert len(widths) > 2


def test_shapes():
    spec = pipelines.query_batches(GRAPH, batch_size=8, max_answers=5).element_spec
    assert spec["answers"].shape.as_list() == [8, 5]
    assert [spec[name].shape.as_list() for name in ("head", "relation", "tail")] == [[8]] * 3
    assert {s.dtype.name for s in spec.values()} == {"int32"}
    spec = pipelines.query_batches(GRAPH, batch_size=8).element_spec
    assert spec["answers"].shape.as_list() == [8, None]


def test_an_epoch_holds_every_row():
    lengths = [len(answers) for answers in _answers(GRAPH).values()]
    assert pipelines.query_steps(GRAPH, 16) == -(-len(lengths) // 16)
    rows = sum(-(-length // 3) for length in lengths)
    assert pipelines.query_steps(GRAPH, 16, max_answers=3) == -(-rows // 16) > len(lengths) // 16


@pytest.mark.parametrize("max_answers", [None, 3])
def test_resuming_continues_the_stream(max_answers):
    arguments = {"batch_size": 16, "max_answers": max_answers, "seed": 3}
    steps = pipelines.query_steps(GRAPH, 16, max_answers)
    whole = graphs.take(pipelines.query_batches(GRAPH, **arguments), 3, skip=2 * steps)
    resumed = graphs.take(pipelines.query_batches(GRAPH, first_epoch=2, **arguments), 3)
    graphs.assert_same(whole, resumed)
    other = graphs.take(pipelines.query_batches(GRAPH, **{**arguments, "seed": 4}), 1)
    assert not np.array_equal(other[0]["head"], whole[0]["head"])


def test_resuming_after_short_epochs():
    whole = graphs.take(pipelines.query_batches(GRAPH, batch_size=16, seed=3), 2, skip=4)
    short = pipelines.query_batches(GRAPH, batch_size=16, seed=3, first_epoch=2, steps_per_epoch=2)
    graphs.assert_same(whole, graphs.take(short, 2))


@pytest.mark.parametrize(
    ("graph", "arguments", "message"),
    [
        (GRAPH, {"batch_size": 0}, "`batch_size` must be a positive integer"),
        (GRAPH, {"max_answers": 0}, "`max_answers` must be a positive integer"),
        (GRAPH, {"steps_per_epoch": 0}, "`steps_per_epoch` must be a positive integer"),
        (GRAPH, {"first_epoch": -1}, "`first_epoch` must be finite and at least 0"),
        (graphs.graph([]), {}, "`graph` must hold at least one triple"),
    ],
)
def test_bad_arguments(graph, arguments, message):
    with pytest.raises(ValueError, match=message):
        pipelines.query_batches(graph, **{"batch_size": 8, **arguments})


def test_no_steps():
    with pytest.raises(ValueError, match="`graph` must hold at least one triple"):
        pipelines.query_steps(graphs.graph([]), 8)
