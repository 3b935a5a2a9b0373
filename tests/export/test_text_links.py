"""Exported bi-encoders answer as the model does, about names and about texts of no entity."""

import numpy as np
import pytest
import tensorflow as tf

from kgkeras import evaluation, export, models, pipelines, text
from kgkeras.export.link_parts import NO_SCORE
from tests.export import served, small

TEXTS = ("Lima", "a lies in Peru thing", "")


@pytest.fixture(scope="module")
def facts():
    return small.knowledge()


@pytest.fixture(scope="module")
def preprocessor(facts):
    return small.preprocessor(facts)


@pytest.fixture(scope="module")
def index(facts, preprocessor):
    texts = pipelines.TripleTexts.from_graph(facts, preprocessor.tokenizer, max_tokens=16)
    vocabulary = models.Vocabulary.from_graph(facts)
    return small.text_links(preprocessor).index(texts, vocabulary=vocabulary)


@pytest.fixture(scope="module")
def folder(index, preprocessor, facts, tmp_path_factory):
    return export.export_text_index(
        index,
        preprocessor,
        tmp_path_factory.mktemp("export") / "m",
        k=5,
        samples=TEXTS,
    )


@pytest.mark.slow
def test_names(index, folder):
    assert not export.check_saved_model(folder)
    signatures = tf.saved_model.load(str(folder)).signatures
    heads, relations = np.array([0, 2, 4]), np.array([0, 1, 1])
    entities, names = index.vocabulary.entities, index.vocabulary.relations
    asked = {
        "head": tf.constant([entities[i] for i in heads]),
        "relation": tf.constant([names[i] for i in relations]),
    }
    scores = np.asarray(index.score_tails(heads, relations))
    answer = signatures["serving_default"](**asked)
    order = np.argsort(-scores, axis=1)
    assert answer["tails"].numpy().astype(str).tolist() == np.array(entities)[order].tolist()
    np.testing.assert_allclose(answer["scores"], np.sort(scores)[:, ::-1], rtol=1e-5)
    answer = signatures["score"](**asked, tail=tf.constant([entities[1]] * 3))
    np.testing.assert_allclose(answer["score"], scores[:, 1], rtol=1e-5)
    answer = signatures["embed_entities"](entity=tf.constant(["lima", "nobody"]))
    np.testing.assert_allclose(answer["embedding"][0], index.entity_vectors()[0], rtol=1e-5)
    assert not answer["embedding"][1].numpy().any()
    assert answer["known"].numpy().tolist() == [True, False]


def test_a_text_that_is_an_entitys_is_answered_as_the_entity(index, folder):
    """Its text is what `TripleTexts` made of the entity: the name."""
    signatures = tf.saved_model.load(str(folder)).signatures
    relation = tf.constant(["city_in", "part_of", "nonsense"])
    text = tf.constant(["Lima", "São Paulo", "Peru"])
    for signature, kind, ends in (
        ("top_tails", "tails", ("head",)),
        ("top_heads", "heads", ("tail",)),
    ):
        told = signatures[f"{signature}_of_text"](text=text, relation=relation)
        named = signatures[signature](relation=relation, **dict.fromkeys(ends, text))
        assert told[kind].numpy().tolist() == named[kind].numpy().tolist()
        np.testing.assert_allclose(told["scores"], named["scores"], rtol=1e-5)
        assert told["known"].numpy().tolist() == [True, True, False]
        assert told["scores"][2].numpy().tolist() == [NO_SCORE] * 5
    vectors = signatures["embed_text"](text=text)["embedding"]
    np.testing.assert_allclose(vectors, index.entity_vectors()[:3][[0, 2, 1]], rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_over_rest(index, folder):
    rows = [{"text": text, "relation": "city_in"} for text in TEXTS]
    triples = {"head": "lima", "relation": "city_in", "tail": "peru"}
    told, score = served.ask(
        folder,
        ("predict", {"signature_name": "top_tails_of_text", "instances": rows}),
        ("regress", {"signature_name": "regress", "examples": [triples]}),
    )
    assert told[0] == score[0] == 200
    assert [len(row["tails"]) for row in told[1]["predictions"]] == [5, 5, 5]
    wanted = np.asarray(index.score(np.array([0]), np.array([0]), np.array([1])))
    np.testing.assert_allclose(score[1]["results"], wanted, rtol=1e-5)


@pytest.mark.slow
def test_export_model_reads_the_texts_of_the_graph(index, preprocessor, facts, tmp_path):
    """And leaves known answers out; the ranks are those of the index."""
    model = index.model
    folder = export.export_model(
        model, tmp_path / "m", preprocessor=preprocessor, graph=facts, known=facts, k=2
    )
    answer = tf.saved_model.load(str(folder)).signatures["top_tails"](
        head=tf.constant(["lima"]), relation=tf.constant(["city_in"])
    )
    scores = np.array(index.score_tails(np.array([0]), np.array([0])))[0]
    scores[1] = -np.inf  # Lima is in Peru, as is known
    best = np.argsort(-scores)[:2]
    assert answer["tails"].numpy()[0].astype(str).tolist() == [facts.entities[i] for i in best]
    same = export.export_model(index, tmp_path / "n", preprocessor=preprocessor, k=2)
    assert not export.check_saved_model(same)
    ranks = evaluation.rank(model, facts, None)
    assert (
        ranks.ranks("tail").tolist() == evaluation.rank(index, facts, None).ranks("tail").tolist()
    )


def test_without_names(index, preprocessor, tmp_path):
    nameless = index.model.index(index.texts)
    with pytest.raises(ValueError, match="must have a vocabulary"):
        export.export_text_index(nameless, preprocessor, tmp_path / "m")
    with pytest.raises(ValueError, match="`k` must be at most 5"):
        export.export_text_index(index, preprocessor, tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_what_holds_certain_texts_only(index, preprocessor, tmp_path):
    encoder = text.TransformerEncoder(preprocessor.tokenizer.vocabulary_size, 16, num_layers=2)
    cached, places = index.texts.cached(encoder, 1)
    held = models.TextLinkPredictor(cached).index(places, vocabulary=index.vocabulary)
    with pytest.raises(ValueError, match="not only those that a CachedEncoder holds"):
        export.export_text_index(held, preprocessor, tmp_path / "m", k=5)
    assert not list(tmp_path.iterdir())
