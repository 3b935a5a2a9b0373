"""Statements about geography: true to the graph, told apart by neither words nor spelling."""

import collections
import re
import time

import numpy as np
import pytest

from kgkeras import datasets
from kgkeras.datasets import geography
from kgkeras.datasets.geography import facts, statements
from kgkeras.datasets.geography.denial import Denial
from kgkeras.datasets.geography.families import families_by_name

STATE_FIRST = ("capital", "highest_point")
# Words that put a peak into its state. Without them a template only compares heights, and is true
# of every peak abroad that is higher.
IN_THE_STATE = r"highest (point|mountain|ground)|\bstands (in|there)\b|(on|at) \{tail\}"


@pytest.fixture(scope="module")
def graph():
    return geography.load()


@pytest.fixture(scope="module")
def triples(graph):
    return {
        (graph.entities[head], graph.relations[relation], graph.entities[tail])
        for head, relation, tail in graph.triples.tolist()
    }


@pytest.fixture(scope="module")
def task():
    return geography.load_texts()


@pytest.fixture(scope="module")
def splits():
    return statements.split_facts(np.random.default_rng(0))


def upper(name):
    return name[0].upper() + name[1:]


def test_loads_fast_and_the_same_for_a_seed(task):
    start = time.perf_counter()
    again = geography.load_texts(seed=0)
    assert time.perf_counter() - start < 10  # Half a second on an idle machine.
    for split in ("train", "valid", "test"):
        assert getattr(task, split).texts == getattr(again, split).texts
        np.testing.assert_array_equal(getattr(task, split).labels, getattr(again, split).labels)
    assert geography.load_texts(seed=1).test.texts != task.test.texts
    assert datasets.load_texts("geography").test.texts == task.test.texts


def test_sizes_and_balance(task):
    assert task.classes == ("false", "true")
    assert 6000 <= len(task.train) <= 10000
    assert 1000 <= len(task.test) <= 3000
    for split in (task.train, task.valid, task.test):
        assert split.labels.mean() == 0.5
        assert len(set(split.texts)) == len(split)


def test_phrasings_multiply_the_sentences(task):
    one = geography.load_texts(phrasings=1)
    assert 2 * len(one.test) == len(task.test)
    with pytest.raises(ValueError, match=r"`phrasings` must be a positive integer. Received: 0"):
        geography.load_texts(phrasings=0)
    with pytest.raises(ValueError, match=r"`phrasings` must be at most 10. Received: 11"):
        geography.load_texts(phrasings=11)


def test_labels_agree_with_the_graph(triples, splits):
    linked = {frozenset((head, tail)) for head, _, tail in triples}
    for twins in splits.values():
        for relation, place, state, other in twins:
            ends = (state, place) if relation in STATE_FIRST else (place, state)
            assert (ends[0], relation, ends[1]) in triples
            assert frozenset((place, other)) not in linked


def test_no_pair_is_told_in_two_splits_nor_twice(splits):
    told = collections.Counter(
        frozenset((place, named))
        for twins in splits.values()
        for _, place, state, other in twins
        for named in (state, other)
    )
    assert set(told.values()) == {1}


def test_no_place_of_the_test_is_named_in_training(splits):
    places = {split: {place for _, place, *_ in twins} for split, twins in splits.items()}
    assert not places["test"] & (places["train"] | places["valid"])
    assert not places["valid"] & places["train"]


def names_in(texts):
    """The two entities that each text names, as a set: found in the words, longest name first."""
    known = {}
    for entity, name in facts.spoken_names().items():
        known |= {name: entity, upper(name): entity}
    longest = max(name.count(" ") for name in known) + 1
    for text in texts:
        words, at, found = text[:-1].replace(",", "").split(" "), 0, set()
        while at < len(words):
            ends = range(min(len(words), at + longest), at, -1)
            end = next((end for end in ends if " ".join(words[at:end]) in known), None)
            if end is not None:
                found.add(known[" ".join(words[at:end])])
            at = end or at + 1
        assert len(found) == 2, text
        yield frozenset(found)


def test_a_sentence_is_true_where_the_graph_links_its_names(task, triples):
    linked = {frozenset((head, tail)) for head, _, tail in triples}
    for split in (task.train, task.valid, task.test):
        told = [pair in linked for pair in names_in(split.texts)]
        np.testing.assert_array_equal(told, split.labels)


@pytest.mark.parametrize(
    ("pattern", "first", "second"),
    [
        (r"(.+) is the capital of (.+)\.", "city", "state"),
        (r"The highest point of (.+) is (.+)\.", "state", "mountain"),
        (r"(.+) is a city in (.+)\.", "city", "state"),
        (r"Is (.+) home to (.+)\?", "state", "landmark"),
    ],
)
def test_both_names_stand_where_they_belong(task, graph, pattern, first, second):
    types = {
        spelt: graph.entity_texts.types[graph.entity_index[entity]]
        for entity, name in facts.spoken_names().items()
        for spelt in (name, upper(name))
    }
    found = [match.groups() for text in task.train.texts if (match := re.fullmatch(pattern, text))]
    assert found
    assert {(types[one], types[two]) for one, two in found} == {(first, second)}


def test_no_sentence_of_the_test_shares_its_two_names_with_training(task):
    splits = (task.train, task.valid, task.test)
    train, valid, test = (set(names_in(split.texts)) for split in splits)
    assert len(test) > 1000
    assert not test & train
    assert not test & valid
    assert not valid & train


def test_states_are_named_as_often_truly_as_falsely(splits):
    for twins in splits.values():
        true = collections.Counter((relation, state) for relation, _, state, _ in twins)
        false = collections.Counter((relation, other) for relation, _, _, other in twins)
        # What found no false twin was left out with its true one.
        assert true == false
    assert sum(map(len, splits.values())) > 3000


def test_false_states_lie_near_the_true_ones(triples, splits):
    continents = {head: tail for head, relation, tail in triples if relation == "continent"}
    near = [continents[s] == continents[o] for twins in splits.values() for _, _, s, o in twins]
    assert np.mean(near) > 0.9


def test_what_is_not_certain_is_not_denied():
    denial = Denial()
    assert denial.certain("paris", "spain")
    assert not denial.certain("paris", "france")
    assert not denial.certain("france", "france")
    assert not denial.certain("valparaiso", "brazil")  # A namesake.
    assert not denial.certain("san_ignacio", "mexico")
    assert not denial.certain("boa_vista", "brazil")
    assert denial.certain("san_ignacio", "cuba")
    assert not denial.certain("nile", "ethiopia")  # A source.
    assert not denial.certain("prizren", "serbia")  # A claim.
    assert not denial.certain("serbia", "kosovo")
    assert not denial.certain("gulf_of_guinea", "papua_new_guinea")  # A word of its name.


def test_undecided_pairs_are_of_entities_and_not_told(graph, triples):
    linked = {frozenset((head, tail)) for head, _, tail in triples}
    states = facts.identifiers_by_code()
    rows = facts.table("undecided.tsv")
    assert len({row["name"] for row in rows}) == len(rows)
    for row in rows:
        entity = facts.identifier(row["name"].removeprefix("the "))
        assert entity in graph.entity_index
        if entity not in states.values():  # Neighbours may claim each other's places.
            pairs = {frozenset((entity, states[code])) for code in row["states"].split()}
            assert not pairs & linked


def test_places_of_one_uncommon_word_stay_together(splits):
    told = [place for twins in splits.values() for _, place, *_ in twins]
    families = families_by_name(sorted(set(told)))
    assert sorted(place for family in families for place in family) == sorted(set(told))
    assert {"geneva", "lake_geneva"} in map(set, families)
    assert {"lake_como"} in map(set, families)
    assert max(map(len, families)) < 20
    for twins in splits.values():
        assert len({"geneva", "lake_geneva"} & {place for _, place, *_ in twins}) in (0, 2)


def test_templates_are_many_and_well_formed(graph):
    rows = facts.table("templates.tsv")
    by_relation = collections.defaultdict(list)
    for row in rows:
        by_relation[row["relation"]].append(row)
        template = row["template"]
        assert sorted(re.findall(r"\{(.*?)\}", template)) == ["head", "tail"]
        assert template[-1] == {"statement": ".", "question": "?"}[row["kind"]]
    assert len({(row["relation"], row["template"]) for row in rows}) == len(rows)
    for relation, told in by_relation.items():
        assert relation in graph.relation_index
        assert len(told) >= 8
        assert {row["kind"] for row in told} == {"statement", "question"}
        orders = {row["template"].index("{head}") < row["template"].index("{tail}") for row in told}
        assert orders == {True, False}


def test_templates_of_highest_points_do_more_than_compare():
    told = [row for row in facts.table("templates.tsv") if row["relation"] == "highest_point"]
    assert len(told) == 10
    assert not [row["template"] for row in told if not re.search(IN_THE_STATE, row["template"])]
    for template in (
        "Nothing in {head} is higher than {tail}.",
        "{head} has no peak above {tail}.",
    ):
        assert not re.search(IN_THE_STATE, template)


def test_sentences_are_grammatical(task):
    for split in (task.train, task.valid, task.test):
        for text in split.texts:
            assert text[0].isupper()
            assert text[-1] in ".?"
            assert text == " ".join(text.split())
            assert not re.search(r"\bthe the\b|[{}|]", text, re.IGNORECASE)
            assert not re.search(r"(?<![Tt]he )\b(Netherlands|Philippines|Gambia)\b(?! R)", text)
            assert not re.search(r"\bthe (France|Mount|Paris|Loch)\b", text)


def test_words_alone_do_not_tell_the_label(task):
    text = pytest.importorskip("sklearn.feature_extraction.text", reason="fits a classifier")
    from sklearn.linear_model import LogisticRegression

    words = text.CountVectorizer(ngram_range=(1, 2), token_pattern=r"[^\s.?,]+", min_df=2)
    train = words.fit_transform(task.train.texts)
    model = LogisticRegression(solver="liblinear").fit(train, task.train.labels)
    assert model.score(words.transform(task.test.texts), task.test.labels) <= 0.55


def test_spellings_of_a_place_do_not_tell_its_state(splits):
    extraction = pytest.importorskip("sklearn.feature_extraction", reason="fits a classifier")
    from sklearn.linear_model import LogisticRegression

    names = facts.spoken_names()

    def features(twins):
        for _, place, *both in twins:
            name = f" {names[place].lower()} "
            grams = {name[at : at + size] for size in (2, 3, 4) for at in range(len(name))}
            yield from ([f"{gram} of {state}" for gram in grams] for state in both)

    hasher = extraction.FeatureHasher(2**18, input_type="string", alternate_sign=False)
    train, test = (hasher.transform(features(splits[split])) for split in ("train", "test"))
    labels = [np.tile([1, 0], len(splits[split])) for split in ("train", "test")]
    model = LogisticRegression(C=0.1, solver="liblinear").fit(train, labels[0])
    assert model.score(test, labels[1]) <= 0.6


def test_questions_follow_the_split_of_the_texts(triples):
    asked = {
        split: datasets.load_questions(split=split, data="geography", seed=3)
        for split in ("train", "valid", "test")
    }
    assert asked["test"] == datasets.load_questions(split="test", data="geography", seed=3)
    topics = {split: {question.topic for question in of} for split, of in asked.items()}
    assert not topics["train"] & topics["test"]
    texts = datasets.load_texts("geography", seed=3)
    told = " ".join((*texts.train.texts, *(question.text for question in asked["train"])))
    for question in asked["test"]:
        name = re.search(r"\[(.+)\]", question.text).group(1)
        assert not re.search(rf"\b{re.escape(name)}\b", told)
        for answer in question.answers:
            ends = {(question.topic, answer), (answer, question.topic)}
            assert any((head, tail) in ends for head, _, tail in triples)
    with pytest.raises(ValueError, match="`split` must be one of"):
        datasets.load_questions(split="dev", data="geography")
    with pytest.raises(ValueError, match="`hops` must be one of 1"):
        datasets.load_questions(2, "test", data="geography")
