"""A writer from facts in words to its exported twin."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import agents, datasets, export
from kgkeras.agents.writing.entity_forms import entity_forms, entity_forms_of_tensor
from kgkeras.export.fact_texts import FactTexts, split_facts
from tests.export import small

NAMES = (
    "1923-11-18 2020-02-29 610.0 1300000 -3.25 12.50 1234567.80 1234,567 1e5 1923-13-01 "
    "Alan_Shepard Bionico_(dessert) Madrid,_Spain São_Paulo élan_Vital A_b _ ,_x ((a)) AC/DC"
).split()
names = st.one_of(
    st.sampled_from(NAMES),
    st.from_regex(r"-?[0-9]{1,8}(\.[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"\A[A-ZÉa-z_,() 0-9.\"'-]{1,12}\Z"),
).filter(lambda name: name.strip() == name and name)
relations = st.one_of(
    st.sampled_from("cityIn part_of HTMLParserURLs elevation_(in_metres) 1stA2b é".split()),
    st.from_regex(r"[A-Za-z0-9_ .é]{1,14}", fullmatch=True).filter(str.strip),
)


def told(triples):
    """The facts in words."""
    return " ; ".join(" | ".join(fact) for fact in triples)


def decoded(strings):
    return [item.decode() for item in np.ravel(strings)]


@pytest.fixture(scope="module")
def tokens():
    examples = datasets.load_verbalised("geography", "train")[:100]
    return agents.FactTokens.from_examples(examples, max_facts=3, max_entities=4, max_words=12)


@settings(deadline=None, max_examples=60)
@given(st.lists(names, min_size=1, max_size=8))
def test_forms_are_those_of_python(some):
    found = entity_forms_of_tensor(tf.constant([some])).numpy()[0]
    for name, forms in zip(some, found, strict=True):
        assert tuple(decoded(forms)) == entity_forms(name)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(names, relations, names), max_size=5), st.randoms())
def test_facts_and_texts_are_those_of_python(tokens, triples, random):
    triples = [tuple(" ".join(part.split()) for part in fact) for fact in triples]
    facts = split_facts(tf.constant([told(triples), "Lima | cityIn | Peru"]))
    texts = FactTexts(tokens)
    ids, entities, fits = texts.encode(*facts)
    assert fits.numpy().tolist() == [tokens.fits(triples), True]
    if not tokens.fits(triples):
        return
    np.testing.assert_array_equal(ids[0], tokens.encode_facts(triples)[0])
    own = tokens.entities(triples)
    filled = [*own, *[""] * (tokens.max_entities - len(own))]
    assert decoded(entities[0]) == filled
    # Any text that a writer could write about them.
    allowed = range(tokens.first_word, tokens.size)
    slots = range(tokens.slot(0, 0, 0), tokens.slot(len(own), 0, 0))
    written = random.choices([*allowed, *list(slots) * 3], k=tokens.max_words - 1)
    written[random.randrange(1, len(written)) :] = [2]
    written += [0] * (tokens.max_words - len(written))
    text = texts.decode(tf.constant([written, written]), entities)
    assert decoded(text[:1]) == [tokens.decode(written, own)]


def test_words_are_split_as_before():
    tokens = agents.FactTokens((" html", " parser"), ())
    read = tokens.encode_facts([("a", "HTMLParser", "b")])[0]
    assert [i for i in read.tolist() if i >= tokens.first_word] == [
        tokens.first_word,
        tokens.first_word + 1,
    ]


def test_writes_as_keras(tmp_path):
    model = small.writer()
    folder = export.export_model(
        model, tmp_path / "m", samples=["Lima | cityIn | Peru"], card={"data": "toy"}
    )
    assert not export.check_saved_model(folder)
    assert json.loads((folder / "assets.extra" / "model.json").read_text())["data"] == "toy"
    loaded, tokens = tf.saved_model.load(str(folder)), model.tokens
    sets = [
        [("Lima", "cityIn", "Peru")],
        [("São_Paulo", "partOf", "Brazil"), ("Brazil", "population", "212600000")],
        [("Peru", "unheardOf", "Bionico_(dessert)")],
    ]
    ids = model.write(np.stack([tokens.encode_facts(triples)[0] for triples in sets]))
    wanted = [
        tokens.decode(row, tokens.entities(triples))
        for row, triples in zip(ids.numpy(), sets, strict=True)
    ]
    assert len(set(wanted)) > 1
    wrong = ["", "Lima | Peru", "a | b | c ; d | e", "a | b | c | d", " ; ".join(["a | b | c"] * 3)]
    wrong.append("a | r | b ; c | r | d")
    facts = tf.constant([told(triples) for triples in sets] + wrong)
    answer = loaded.signatures["serving_default"](facts=facts)
    assert decoded(answer["text"]) == wanted + [""] * len(wrong)
    assert answer["known"].numpy().tolist() == [True] * 3 + [False] * len(wrong)
    assert decoded(answer["entities"][1]) == ["São_Paulo", "Brazil", "212600000"]
    nothing = loaded.signatures["serving_default"](facts=tf.constant([], tf.string))
    assert nothing["text"].shape == (0,)
    columns = zip("head relation tail".split(), split_facts(facts), strict=True)
    same = loaded.signatures["write_triples"](**dict(columns))
    for name, values in answer.items():
        np.testing.assert_array_equal(same[name], values)


def test_what_cannot_be_exported(tmp_path):
    model = small.writer()
    with pytest.raises(ValueError, match="Each of `samples` must be facts such as"):
        export.export_knowledge_writer(model, tmp_path / "m", samples=["Lima | cityIn"])
    with pytest.raises(ValueError, match="A KnowledgeWriter takes `samples`"):
        export.export_model(model, tmp_path / "m", k=3)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_saved_writers_answer_the_same(tmp_path):
    model = small.writer()
    model.save(tmp_path / "writer.keras")
    again = keras.models.load_model(tmp_path / "writer.keras")
    facts = tf.constant(["Lima | cityIn | Peru"])
    answers = [
        tf.saved_model.load(str(export.export_knowledge_writer(m, tmp_path / name))).signatures[
            "write"
        ](facts=facts)["text"]
        for name, m in (("one", model), ("two", again))
    ]
    np.testing.assert_array_equal(*answers)
