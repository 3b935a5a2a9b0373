"""Splits: shared vocabularies, and a report that finds what is planted."""

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import kg
from tests.kg.graphs import family, labelled

TRAIN = [("a", "r", "b"), ("b", "s", "c"), ("a", "r", "b"), ("c", "s", "c")]
VALID = [
    ("a", "r", "b"),  # leaked
    ("c", "s", "b"),  # the reverse of a fact of train
    ("b", "r", "c"),  # a pair of train under another relation
    ("c", "r", "c"),  # a loop counts as no pair
    ("x", "r", "a"),  # an unseen entity
    ("a", "q", "c"),  # an unseen relation
]
TEST = [("x", "r", "x"), ("y", "q", "x"), ("a", "q", "x"), ("y", "q", "x")]


def test_the_report_finds_what_was_planted():
    report = kg.Splits.from_triples(TRAIN, VALID, TEST).report()
    assert (report.num_entities, report.num_relations) == (5, 3)
    assert report.train == kg.SplitReport(4, 1, 0, 0, 0, 0, 0, 0, 0)
    assert report.valid == kg.SplitReport(
        triples=6,
        duplicates=0,
        unseen_entities=1,
        triples_with_unseen_entities=1,
        unseen_relations=1,
        triples_with_unseen_relations=1,
        leaked=1,
        leaked_reversed=1,
        leaked_pairs=3,
    )
    assert report.test == kg.SplitReport(
        triples=4,
        duplicates=1,
        unseen_entities=2,
        triples_with_unseen_entities=4,
        unseen_relations=1,
        triples_with_unseen_relations=3,
        leaked=0,
        leaked_reversed=0,
        leaked_pairs=1,  # (x, r, a) of valid
    )


fact = st.tuples(st.sampled_from("abcde"), st.sampled_from("rst"), st.sampled_from("abcde"))


@settings(deadline=None, max_examples=60)
@given(st.lists(fact), st.lists(fact), st.lists(fact))
def test_the_report_counts_what_sets_count(train, valid, test):
    report = kg.Splits.from_triples(train, valid, test).report()
    seen = {end for h, _, t in train for end in (h, t)}
    for name, part, before in (("valid", valid, train), ("test", test, train + valid)):
        pairs = {frozenset((h, t)) for h, _, t in before}
        counts = getattr(report, name)
        assert counts.duplicates == len(part) - len(set(part))
        assert counts.unseen_entities == len({e for h, _, t in part for e in (h, t)} - seen)
        assert counts.triples_with_unseen_entities == sum(not {h, t} <= seen for h, _, t in part)
        assert counts.unseen_relations == len({r for _, r, _ in part} - {r for _, r, _ in train})
        assert counts.leaked == sum(f in before for f in part)
        assert counts.leaked_reversed == sum((t, r, h) in before and h != t for h, r, t in part)
        assert counts.leaked_pairs == sum({h, t} in pairs and h != t for h, _, t in part)


def test_entities_of_train_come_first():
    splits = kg.Splits.from_triples(TRAIN, VALID, TEST)
    assert splits.entities == ("a", "b", "c", "x", "y")
    assert splits.relations == ("r", "s", "q")
    assert (splits.num_entities, splits.num_relations) == (5, 3)
    assert labelled(splits.train) == TRAIN
    assert labelled(splits.valid) == VALID
    assert labelled(splits.test) == TEST
    assert splits.triples.tolist() == list(
        itertools.chain(*(getattr(splits, s).triples.tolist() for s in ("train", "valid", "test")))
    )
    assert repr(splits) == "Splits(5 entities, 3 relations, train=4, valid=6, test=4)"


def test_texts_reach_all_three():
    texts = kg.Texts(names=tuple("ABCXY"))
    splits = kg.Splits.from_triples(TRAIN, VALID, TEST).with_texts(entity_texts=texts)
    assert splits.train.entity_texts == splits.valid.entity_texts == splits.test.entity_texts
    assert splits.test.entity_name(4) == "Y"
    assert splits.test.relation_name(0) == "r"


def test_inverses_reach_all_three():
    splits = kg.Splits.from_triples(TRAIN, VALID, TEST).with_inverses()
    assert splits.num_relations == 6
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (8, 12, 8)
    with pytest.raises(ValueError, match="must not have inverse relations already"):
        splits.with_inverses()


def test_vocabularies_must_be_shared():
    graph = family()
    longer = kg.KnowledgeGraph((*graph.entities, "dora"), graph.relations, graph.triples)
    with pytest.raises(
        ValueError, match=r"`valid` must have the same entities.*4 of them inst.* 3"
    ):
        kg.Splits(graph, longer, graph)
    other = dataclasses.replace(graph, relations=("parent_of", "other", "knows"))
    with pytest.raises(
        ValueError, match=r"`test` must have the same relations.*Row 1.*'sibling_of'"
    ):
        kg.Splits(graph, graph, other)


@pytest.mark.parametrize(
    ("folder", "valid", "test"),
    [("FB15k-237", (8, 9), (29, 28)), ("WN18RR", (198, 210), (209, 210))],
)
def test_unseen_entities_of_the_benchmarks(shared_data, folder, valid, test):
    parts = [kg.read_triples(shared_data / folder / f"{s}.txt") for s in ("train", "valid", "test")]
    report = kg.Splits.from_triples(*parts).report()
    for counts, known in ((report.valid, valid), (report.test, test)):
        assert (counts.unseen_entities, counts.triples_with_unseen_entities) == known
        assert counts.leaked == counts.duplicates == counts.unseen_relations == 0
