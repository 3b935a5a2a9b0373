"""Texts of entities and relations as tokens, beside the strings that they come from."""

import dataclasses

import keras
import numpy as np
import pytest

from kgkeras import kg, losses, models, pipelines, text
from tests import lands


def _words(texts, kind, row):
    """The words of a row, those between start and end."""
    tokenizer = lands.tokenizer()
    first = tokenizer.vocabulary_size - len(tokenizer.vocabulary)
    special = {1: "?", tokenizer.start_id: "<", tokenizer.end_id: ">"}
    tokens, lengths = getattr(texts, f"{kind}_tokens"), getattr(texts, f"{kind}_lengths")
    ids = tokens[row, : lengths[row]].tolist()
    assert not tokens[row, lengths[row] :].any()
    return " ".join(special.get(i) or tokenizer.vocabulary[i - first] for i in ids)


def test_names_descriptions_and_inverse_relations():
    facts = lands.graph()
    texts = lands.texts(facts)
    assert (texts.num_entities, texts.num_relations) == (30, 2)
    assert _words(texts, "entity", 0) == "< alda ? a land >"  # the colon is unknown
    assert _words(texts, "entity", 29) == "< jora ? a tongue >"
    found = [_words(texts, "relation", row) for row in range(4)]
    assert found == [
        "has capital >",
        "has language >",
        "inverse of has capital >",
        "inverse of has language >",
    ]
    assert texts.max_tokens == 6 + 5
    # No wider than the longest row.
    assert texts.entity_tokens.shape == (30, 6)
    assert texts.relation_tokens.shape == (4, 5)
    assert texts.owners is None


def test_phrases_stand_for_relations_and_their_inverses():
    facts = lands.graph()
    phrases = {facts.relations[1]: ("has a language", "a land of")}
    texts = pipelines.TripleTexts.from_graph(facts, lands.tokenizer(), phrases=phrases)
    found = [_words(texts, "relation", row) for row in range(4)]
    assert found[::2] == ["has capital >", "inverse of has capital >"]
    assert found[1::2] == ["has a language >", "a land of >"]


@pytest.mark.parametrize(
    "phrases", [{"speaks": ("a", "b")}, {"capital": ("a",)}, {"capital": "ab"}]
)
def test_phrases_are_pairs_of_texts_for_relations_of_the_graph(phrases):
    with pytest.raises(ValueError, match="`phrases` must map relations of the graph to pairs"):
        pipelines.TripleTexts.from_graph(lands.graph(), lands.tokenizer(), phrases=phrases)


@pytest.mark.parametrize(
    ("name", "description", "expected"),
    [
        ("alda", "alda, a land", "< alda ? a land >"),
        ("alda", "aldan land", "< alda ? ? land >"),
        ("alda", "", "< alda >"),
        ("alda", "alda", "< alda >"),
        ("", "a land", "< city ? a land >"),  # the identifier
    ],
)
def test_a_name_is_told_once(name, description, expected):
    facts = kg.KnowledgeGraph(
        ["city"],
        ["capital"],
        np.zeros((1, 3), "int32"),
        entity_texts=kg.Texts(names=(name,), descriptions=(description,)),
    )
    texts = lands.texts(facts)
    assert _words(texts, "entity", 0) == expected
    assert _words(texts, "relation", 1) == "inverse of capital >"


def test_texts_are_cut():
    texts = lands.texts(lands.graph(), max_tokens=4, max_relation_tokens=2)
    assert _words(texts, "entity", 0) == "< alda ? >"
    assert _words(texts, "relation", 2) == "inverse >"


def test_neighbours_are_named_where_there_is_room():
    facts = lands.told(
        ("alda_land", "bora_city", "cira_city", "dona_city"),
        [
            ("alda_land", "capital", "cira_city"),
            ("alda_land", "language", "cira_city"),
            ("dona_city", "capital", "alda_land"),
            ("alda_land", "capital", "alda_land"),
            ("alda_land", "capital", "bora_city"),
        ],
    )
    texts = lands.texts(facts, max_neighbours=2)
    assert _words(texts, "entity", 0) == "< alda ? a land bora cira >"
    assert texts.owners[0].tolist() == [-1] * 5 + [1, 2, -1]
    assert _words(texts, "entity", 3) == "< dona ? a city alda >"
    assert texts.owners[3].tolist() == [-1] * 5 + [0, -1, -1]
    texts = lands.texts(facts, max_neighbours=5, max_tokens=7)
    assert _words(texts, "entity", 0) == "< alda ? a land bora >"
    assert _words(lands.texts(facts, max_neighbours=5), "entity", 0) == (
        "< alda ? a land bora cira dona >"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entity_lengths": [1]}, r"`entity_tokens` must be \(rows, tokens\).*Received: shapes"),
        ({"entity_lengths": [0] * 30}, "Each of `entity_lengths` must be between 1 and 6.*: 0 "),
        ({"relation_lengths": [9] * 4}, "Each of `relation_lengths` must be between 1 and 5.*: 9 "),
        (
            {"relation_tokens": np.ones((3, 2)), "relation_lengths": [1] * 3},
            "must have a row for the inverse of each relation. Received: 3 rows",
        ),
        ({"owners": np.ones((2, 2))}, "`owners` must have the shape of `entity_tokens`"),
    ],
)
def test_wrong_arrays(changes, message):
    texts = lands.texts(lands.graph())
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(texts, **changes)


def test_wrong_arguments():
    facts = lands.graph()
    with pytest.raises(ValueError, match="must not have inverse relations already"):
        lands.texts(facts.with_inverses())
    with pytest.raises(ValueError, match="`max_neighbours` must be a positive integer"):
        lands.texts(facts, max_neighbours=-1)
    with pytest.raises(ValueError, match="`max_relation_tokens` must be a positive integer"):
        lands.texts(facts, max_relation_tokens=0)
    assert isinstance(lands.texts(facts), pipelines.TripleTexts)


def test_cached_they_give_the_encoders_vectors_and_train_it():
    facts = lands.graph()
    texts, size = lands.texts(facts), lands.tokenizer().vocabulary_size
    encoder = text.TransformerEncoder(size, 16, num_layers=3, max_length=16, dropout=0.0)
    cached, places = texts.cached(encoder, 2)
    model, whole = (models.TextLinkPredictor(part) for part in (cached, encoder))
    assert (places.num_entities, places.num_relations) == (30, 2)
    batches = pipelines.text_triple_batches(facts.with_inverses(), places, batch_size=8)
    before = whole.index(texts).entity_vectors()
    np.testing.assert_allclose(model.index(places).entity_vectors(), before, atol=1e-3)
    model.compile(keras.optimizers.Adam(0.01), losses.CrossEntropyLoss())
    history = model.fit(batches, steps_per_epoch=10, epochs=3, shuffle=False, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    after = model.index(places).entity_vectors()
    assert np.abs(after - before).max() > 0.01
    np.testing.assert_allclose(whole.index(texts).entity_vectors(), after, atol=1e-3)


def test_cached_with_the_texts_of_new_entities():
    size = lands.tokenizer().vocabulary_size
    encoder = text.TransformerEncoder(size, 16, num_layers=3, max_length=16, dropout=0.0)
    texts = lands.texts(lands.graph())
    order = np.random.default_rng(0).permutation(30)[:7]  # Narrower rows, too.
    lengths = texts.entity_lengths[order]
    new = dataclasses.replace(
        texts,
        entity_tokens=texts.entity_tokens[order, : lengths.max()],
        entity_lengths=lengths,
        relation_tokens=texts.relation_tokens[::-1],
        relation_lengths=texts.relation_lengths[::-1],
    )
    cached, known, unknown = texts.cached(encoder, 2, new)
    model, whole = (models.TextLinkPredictor(part) for part in (cached, encoder))
    for places, tokens in ((known, texts), (unknown, new)):
        found, wanted = (m.index(t) for m, t in ((model, places), (whole, tokens)))
        np.testing.assert_allclose(found.entity_vectors(), wanted.entity_vectors(), atol=1e-3)
    # An entity's query is the same, whichever texts it is of; relations stand in another order.
    scores = np.asarray(model.index(known).score_tails([order[3]], [1]))[:, order]
    again = np.asarray(model.index(unknown).score_tails([3], [2]))
    np.testing.assert_allclose(scores, again, atol=1e-2)


def test_what_names_neighbours_is_not_cached():
    facts = lands.graph()
    texts = lands.texts(facts, max_neighbours=2)
    with pytest.raises(ValueError, match="name neighbours cannot be cached"):
        texts.cached(text.TransformerEncoder(50, 16), 1)
    with pytest.raises(ValueError, match="name neighbours cannot be cached"):
        lands.texts(facts).cached(text.TransformerEncoder(50, 16), 1, texts)
