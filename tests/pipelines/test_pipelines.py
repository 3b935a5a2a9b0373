import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import kg, pipelines
from kgkeras.pipelines import joint
from tests import toy

FACTS = toy.graph()
INPUTS, LABELS = toy.claims(FACTS, 100)


def _batches(count, facts=FACTS, **arguments):
    arguments = {"batch_size": 16, "num_negatives": 4, **arguments}
    dataset = pipelines.joint_batches(INPUTS, LABELS, facts, **arguments)
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def _assert_same(one, other):
    for (x, y), (x2, y2) in zip(one, other, strict=True):
        assert x.keys() == x2.keys()
        for name in x:
            np.testing.assert_array_equal(x[name], x2[name])
        np.testing.assert_array_equal(y, y2)


def test_each_text_once_an_epoch():
    numbered = {**INPUTS, "number": np.arange(100)}
    dataset = pipelines.joint_batches(numbered, LABELS, batch_size=16)
    orders = [
        np.concatenate(
            [
                x["number"]
                for x, _ in itertools.islice(dataset.as_numpy_iterator(), 6 * e, 6 * e + 6)
            ]
        )
        for e in (0, 1)
    ]
    for order in orders:
        assert len(np.unique(order)) == 96  # six full batches; four texts wait
    assert not np.array_equal(*orders)


def test_rows_stay_together():
    numbered = {**INPUTS, "number": np.arange(100)}
    x, y = next(iter(pipelines.joint_batches(numbered, LABELS, batch_size=16)))
    np.testing.assert_array_equal(y, LABELS[x["number"]])
    length = x["token_ids"].shape[1]
    np.testing.assert_array_equal(x["token_ids"], INPUTS["token_ids"][x["number"], :length])
    assert not INPUTS["padding_mask"][x["number"], length:].any()


def test_texts_of_like_length_share_a_batch():
    lengths = np.array([3, 40] * 48)
    inputs = {"padding_mask": np.arange(40) < lengths[:, None]}
    dataset = pipelines.joint_batches(inputs, np.zeros(96), batch_size=16)
    widths = [
        x["padding_mask"].shape[1] for x, _ in itertools.islice(dataset.as_numpy_iterator(), 6)
    ]
    assert sorted(widths) == [8, 8, 8, 40, 40, 40]


@settings(deadline=None, max_examples=5)
@given(epoch=st.integers(1, 4), seed=st.integers(0, 99))
def test_resuming_continues_the_stream(epoch, seed):
    steps = pipelines.steps_per_epoch(100, 16)
    whole = _batches(epoch * steps + 3, seed=seed)
    _assert_same(whole[epoch * steps :], _batches(3, seed=seed, first_epoch=epoch))


def test_seeds():
    _assert_same(_batches(3, seed=5), _batches(3, seed=5))
    one, other = _batches(1, seed=5)[0][0], _batches(1, seed=6)[0][0]
    assert not np.array_equal(one["triples"], other["triples"])
    assert not np.array_equal(one["negatives"], other["negatives"])


def test_no_two_seeds_or_passes_are_alike():
    graph = kg.KnowledgeGraph([f"e{i}" for i in range(512)], ["r"], [(i, 0, i) for i in range(512)])

    def order(seed, step=0):
        batches = joint.triple_batches(graph, 64, 8, 1, seed, step).take(1)
        return next(batches.as_numpy_iterator())["triples"][..., 0].ravel()

    for one, other in ((order(0), order(256)), (order(0), order(0, 256)), (order(0), order(0, 1))):
        assert len({*one}) == len({*other}) == 512  # a whole pass
        assert np.sum(one == other) < 8  # 1 by chance


def test_every_triple_once_a_pass():
    # 16 * 8 triples a step, 90 in the graph: ten steps hold 14 passes and a bit.
    rows = np.concatenate([x["triples"].reshape(-1, 3) for x, _ in _batches(10)])
    assert len(rows) == 1280
    for start in range(0, 1260, 90):
        one_pass = rows[start : start + 90]
        assert {tuple(row) for row in one_pass} == {tuple(row) for row in FACTS.triples}
    assert not np.array_equal(rows[:90], rows[90:180])


def test_negatives_are_uniform():
    negatives = np.concatenate([x["negatives"].ravel() for x, _ in _batches(100)])
    counts = np.bincount(negatives, minlength=toy.NUM_ENTITIES)
    expected = len(negatives) / toy.NUM_ENTITIES
    assert len(counts) == toy.NUM_ENTITIES
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_known_negatives_are_marked():
    true = {tuple(row) for row in FACTS.triples.tolist()}
    x = _batches(1)[0][0]
    assert x["known"].any()
    for b, k, n in np.ndindex(16, 8, 4):
        h, r, t = x["triples"][b, k].tolist()
        other = int(x["negatives"][b, n])
        assert x["known"][b, k, 0, n] == ((h, r, other) in true)
        assert x["known"][b, k, 1, n] == ((other, r, t) in true)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 4)), max_size=30))
def test_known_triples(triples):
    known = pipelines.KnownTriples(np.array(triples).reshape(-1, 3), 5, 3)
    every = np.array(list(np.ndindex(5, 3, 5)))
    np.testing.assert_array_equal(
        known.contains(*every.T), [tuple(row) in set(triples) for row in every.tolist()]
    )


def test_too_many_for_64_bits():
    with pytest.raises(ValueError, match="must fit in 64 bits"):
        pipelines.KnownTriples(np.zeros((0, 3)), 2**31, 8)


def test_text_batches_keep_order_and_the_rest():
    batches = list(pipelines.text_batches(INPUTS, LABELS, 32).as_numpy_iterator())
    assert [len(y) for _, y in batches] == [32, 32, 32, 4]
    np.testing.assert_array_equal(np.concatenate([y for _, y in batches]), LABELS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 101}, "`batch_size` must be at most the number of texts, 100"),
        ({"batch_size": 0}, "`batch_size` must be a positive integer"),
        ({"first_epoch": -1}, "`first_epoch` must be finite and at least 0"),
        ({"num_negatives": 0}, "`num_negatives` must be a positive integer"),
        ({"triples_per_text": 0}, "`triples_per_text` must be a positive integer"),
        (
            {"facts": kg.KnowledgeGraph(["a"], ["r"], np.zeros((0, 3), "int32"))},
            "`graph` must hold at least one triple",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        _batches(1, **arguments)


def test_no_texts():
    with pytest.raises(ValueError, match="`texts` must hold at least one string"):
        pipelines.encode_texts(lambda texts: texts, [])
