"""Batches of triples as texts, beside what the graph and the texts say row by row."""

import numpy as np
import pytest

from kgkeras import pipelines
from tests import lands
from tests.pipelines import graphs

BATCH = 8


@pytest.fixture(scope="module")
def world():
    facts = lands.told(
        tuple(f"{name}_{kind}" for name in lands.NAMES[:4] for kind in lands.KINDS),
        [
            (f"{one}_land", relation, f"{other}_city")
            for one in lands.NAMES[:4]
            for other in lands.NAMES[:3]
            for relation in lands.RELATIONS
            if one <= other or relation == "capital"
        ]
        + [("alda_land", "capital", "alda_land")],
    )
    return facts.with_inverses(), lands.texts(facts)


def _batches(world, count=3, skip=0, texts=None, **arguments):
    facts, own = world
    dataset = pipelines.text_triple_batches(facts, texts or own, batch_size=BATCH, **arguments)
    return graphs.take(dataset, count, skip)


def _tokens(texts, kind, row):
    return getattr(texts, f"{kind}_tokens")[row, : getattr(texts, f"{kind}_lengths")[row]].tolist()


def _text(x, part, row):
    """The tokens of a row; what is behind them is 0 and no token."""
    tokens, there = x[f"{part}_token_ids"][row], x[f"{part}_padding_mask"][row]
    assert not tokens[~there].any()
    assert np.all(np.diff(there.astype(int)) <= 0)
    return tokens[there].tolist()


def test_rows_are_the_texts_of_their_triples(world):
    facts, texts = world
    batches = _batches(world, 6)
    triples = graphs.columns(batches, "head", "relation", "tail")
    plain = pipelines.one_vs_all_batches(facts, batch_size=BATCH)
    same = graphs.columns(graphs.take(plain, 6), "head", "relation", "tail")
    np.testing.assert_array_equal(triples, same)
    for x in batches:
        for row in range(BATCH):
            head, relation, tail = (x[name][row] for name in ("head", "relation", "tail"))
            query = _tokens(texts, "entity", head) + _tokens(texts, "relation", relation)
            assert _text(x, "query", row) == query
            assert _text(x, "tail", row) == _tokens(texts, "entity", tail)
            assert _text(x, "head", row) == _tokens(texts, "entity", head)
        assert x["tail_token_ids"].shape == (BATCH, 6)  # all that there is
        longest = x["query_padding_mask"].sum(axis=1).max()
        assert x["query_token_ids"].shape[1] == min(-(-longest // 8) * 8, 11)


def test_batches_are_cut_to_their_longest_text(world):
    _, texts = world
    wide = pipelines.TripleTexts(
        np.pad(texts.entity_tokens, [[0, 0], [0, 30]]),
        texts.entity_lengths,
        texts.relation_tokens,
        texts.relation_lengths,
    )
    for x in _batches(world, texts=wide):
        assert x["tail_token_ids"].shape[1] == 8
        assert x["query_token_ids"].shape[1] == 16


def test_sorted_in_a_window_batches_hold_texts_of_like_length(world):
    count = len(world[0].triples) // BATCH

    def spread(batches):
        asked = [x["query_padding_mask"].sum(axis=1) for x in batches]
        return sum(np.ptp(lengths) for lengths in asked)

    plain, batches = _batches(world, count), _batches(world, count, sort_window=count)
    names = "head", "relation", "tail"
    before, after = (sorted(graphs.columns(b, *names).tolist()) for b in (plain, batches))
    assert after == before  # the same triples, in other batches
    assert spread(batches) < spread(plain)
    widths = [x["query_padding_mask"].sum() for x in batches]
    assert widths != sorted(widths)  # batches come in random order
    later = _batches(world, count - 2, skip=2, sort_window=count)
    for x, y in zip(batches[2:], later, strict=True):
        np.testing.assert_array_equal(x["labels"], y["labels"])
        np.testing.assert_array_equal(x["query_token_ids"], y["query_token_ids"])


def test_labels_tell_the_known_triples(world):
    facts, _ = world
    true = {tuple(triple) for triple in facts.triples.tolist()}
    ignored, own_capital = 0, False
    for x in _batches(world, 6, both_directions=True):
        assert x["labels"].shape == (BATCH, BATCH + 1)
        for i in range(BATCH):
            head, relation = x["head"][i], x["relation"][i]
            for j, candidate in enumerate([*x["tail"], head]):
                expected = -((head, relation, candidate) in true) if i != j else 1
                assert x["labels"][i, j] == expected
                ignored += expected < 0
                if j < BATCH:
                    assert x["query_labels"][j, i] == expected
        own_capital = own_capital or -1 in x["labels"][:, -1]
    assert ignored > 20
    assert own_capital


def test_the_queue_holds_the_tails_before(world):
    facts, _ = world
    true = {tuple(triple) for triple in facts.triples.tolist()}
    batches = _batches(world, 6, queue_size=2 * BATCH)
    for step, x in enumerate(batches):
        before = [
            batches[i]["tail"] if i >= 0 else np.full(BATCH, -1) for i in (step - 2, step - 1)
        ]
        np.testing.assert_array_equal(x["queued"], np.stack(before, axis=1))
        assert x["labels"].shape == (BATCH, BATCH + 1 + 2 * BATCH)
        for i in range(BATCH):
            for j, candidate in enumerate(np.concatenate(before).tolist()):
                known = candidate < 0 or (x["head"][i], x["relation"][i], candidate) in true
                assert x["labels"][i, BATCH + 1 + j] == -known
    # Resumed, the batches are those of the whole training.
    steps = pipelines.triple_steps(facts, BATCH)
    graphs.assert_same(
        _batches(world, 2, first_epoch=1, queue_size=2 * BATCH),
        _batches(world, 2, skip=steps, queue_size=2 * BATCH),
    )


def test_neighbours_do_not_tell_the_answer(world):
    facts, _ = world
    plain = lands.told(facts.entities, [])
    plain = plain.with_triples(facts.triples[: facts.num_triples // 2])
    texts = lands.texts(plain, max_neighbours=8, max_tokens=32)
    named = 0
    for x in _batches(world, 4, texts=texts):
        for row in range(BATCH):
            head, relation, tail = (int(x[name][row]) for name in ("head", "relation", "tail"))

            def kept(entity, other):
                own = texts.owners[entity, : texts.entity_lengths[entity]] != other
                return np.array(_tokens(texts, "entity", entity))[own].tolist()

            query = kept(head, tail) + _tokens(texts, "relation", relation)
            assert _text(x, "query", row) == query
            assert _text(x, "head", row) == kept(head, tail)
            assert _text(x, "tail", row) == kept(tail, head)
            named += len(_tokens(texts, "entity", head)) - len(kept(head, tail))
            assert head == tail or len(kept(head, tail)) < texts.entity_lengths[head]
    assert named > 20


def test_without_self_negatives(world):
    (x,) = _batches(world, 1, self_negatives=False)
    assert x["labels"].shape == (BATCH, BATCH)
    assert {"head_token_ids", "queued", "query_labels"}.isdisjoint(x)


def test_wrong_arguments(world):
    _, texts = world
    with pytest.raises(ValueError, match=r"`graph` must have inverse relations.*Received: 2 rel"):
        pipelines.text_triple_batches(lands.graph(), texts, batch_size=4)
    with pytest.raises(ValueError, match=r"must be of 30 entities and 2 relations.*: 12 and 2"):
        pipelines.text_triple_batches(lands.graph().with_inverses(), texts, batch_size=4)
    for size in (-8, 4, 12, True):
        with pytest.raises(ValueError, match="`queue_size` must be a multiple of the batch size"):
            _batches(world, queue_size=size)
    with pytest.raises(ValueError, match="`first_epoch` must be a whole number"):
        _batches(world, first_epoch=0.5)
