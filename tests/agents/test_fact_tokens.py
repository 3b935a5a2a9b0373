"""Facts and texts as ids, and back."""

import keras
import numpy as np
import pytest

from kgkeras import agents, datasets
from kgkeras.agents.writing import fact_tokens
from kgkeras.agents.writing.entity_forms import entity_forms

TRIPLES = (
    ("Alan_Shepard", "birthDate", "1923-11-18"),
    ("Alan_Shepard", "birthPlace", "New_Hampshire"),
    ("New_Hampshire", "populationTotal", "1300000.0"),
)
TEXTS = (
    "Alan Shepard was born on November 18, 1923 in New Hampshire.",
    "Shepard (born 18 November 1923) came from New Hampshire, where 1,300,000 live.",
    "In NEW HAMPSHIRE was born a man.",
)


@pytest.fixture(scope="module")
def tokens():
    example = datasets.VerbalisedFacts(TRIPLES, TEXTS)
    return agents.FactTokens.from_examples([example], min_count=1, max_words=24)


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("1923-11-18", ("1923-11-18", "November 18, 1923", "18 November 1923")),
        ("610.0", ("610.0", "610", "610.0")),
        ("1300000", ("1300000", "1,300,000", "1300000")),
        ("-3.25", ("-3.25", "-3.25", "-3.25")),
        ("Alan_Shepard", ("Alan Shepard", "Shepard", "Alan Shepard")),
        ("Bionico_(dessert)", ("Bionico (dessert)", "Bionico", "Bionico (dessert)")),
        ('"Ayam penyet"', ("Ayam penyet",) * 3),
        ("Madrid, Spain", ("Madrid, Spain", "Madrid", "Madrid, Spain")),
        ("_", ("_",) * 3),
    ],
)
def test_forms(name, forms):
    assert entity_forms(name) == forms


def test_texts_come_back(tokens):
    entities = tokens.entities(TRIPLES)
    assert entities == ("Alan_Shepard", "1923-11-18", "New_Hampshire", "1300000.0")
    for text in TEXTS[:2]:
        assert tokens.decode(tokens.encode_text(text, entities), entities) == text
    # What is copied is written as the graph has it.
    again = tokens.decode(tokens.encode_text(TEXTS[2], entities), entities)
    assert again == "In New Hampshire was born a man."
    split = tokens.split("(Shepard)", entities)
    assert split == [" (", (0, 1, 0), ")"]


def test_words_of_relations():
    found = {
        "elevationAboveTheSeaLevel_(in_metres)": "elevation above the sea level in metres",
        "größe": "größe",
        "出生地": "出生地",
        "area2km": "area 2 km",
        "mainÉtage": "main étage",
    }
    for relation, words in found.items():
        assert "".join(fact_tokens._relation_words(relation)).strip() == words


def test_ids(tokens):
    facts, triples = tokens.encode_facts(TRIPLES)
    assert facts.shape == (tokens.facts_length,)
    assert triples.tolist() == [[0, 0, 1], [0, 1, 2], [2, 2, 3], *[[-1] * 3] * 4]
    read = facts[facts > 0].tolist()
    words = [tokens.words[i - tokens.first_word] for i in read if i >= tokens.first_word]
    assert words == [" birth", " date", " birth", " place", " population", " total"]
    assert [i for i in read if i < tokens.first_word] == [
        *(tokens.slot(i) for i in (0, 1, 0, 2, 2, 3)),
        1,
    ]
    text = tokens.encode_text("Nobody knows Alan Shepard", tokens.entities(TRIPLES))
    assert text[:4].tolist() == [3, 3, tokens.slot(0), 2]
    assert not text[4:].any()
    long = tokens.encode_text("was " * 50, ())
    assert len(long) == tokens.max_words
    assert long[-1] == 2
    unknown, rows = tokens.encode_facts([("a", "neverSeen", "b")])
    assert rows[0].tolist() == [0, -1, 1]
    assert (unknown == 3).sum() == 2


def test_saves(tokens):
    config = keras.saving.serialize_keras_object(tokens)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == tokens.get_config()


def test_wrong_facts(tokens):
    with pytest.raises(ValueError, match="`triples` must be 1 to 7 facts about at most 8 entities"):
        tokens.encode_facts([])
    many = [(f"a{i}", "r", f"b{i}") for i in range(5)]
    with pytest.raises(ValueError, match="Received: 5 about 10"):
        tokens.encode_facts(many)
    with pytest.raises(ValueError, match="`max_words` must be a positive integer"):
        agents.FactTokens((), (), max_words=0)


def test_texts_of_webnlg():
    pytest.importorskip("sacrebleu")
    try:
        examples = datasets.load_verbalised("WebNLG", "valid")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert len(examples) == 1594
    assert sum(len(example.texts) for example in examples) == 4217
    told = {t for example in datasets.load_verbalised("WebNLG", "test") for t in example.triples}
    assert not told & {t for example in examples for t in example.triples}
    tokens = agents.FactTokens.from_examples(examples[:200])
    named = []
    for example in examples[:200]:
        entities = tokens.entities(example.triples)
        split = tokens.split(example.texts[0], entities)
        named.append(len({t[0] for t in split if isinstance(t, tuple)}) / len(entities))
    assert np.mean(named) > 0.85
