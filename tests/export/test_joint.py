"""A joint model from plain strings to its exported twin."""

import json
import shlex

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import export, kg, layers, models, pipelines, scorers, text
from kgkeras.export.words_read import by_word
from tests.export import small

TEXTS = ("Lima is in Peru.", "São Paulo lies in Brazil!", "nothing known here", "")
CLASSES = ("false", "true")


@pytest.fixture(scope="module")
def graph():
    names = ("Lima", "Peru", "São Paulo", "Brazil")
    return kg.KnowledgeGraph(
        ["lima", "peru", "sao_paulo", "brazil"],
        ["city_in"],
        np.array([[0, 0, 1], [2, 0, 3]], "int32"),
        entity_texts=kg.Texts(names=names),
    )


@pytest.fixture(scope="module")
def preprocessor(graph):
    tokenizer = text.WordTokenizer.from_texts(TEXTS)
    return text.Preprocessor(tokenizer, text.DictionaryLinker.from_graph(graph), 16)


def _model(graph, preprocessor, fusion=None, head=None):
    keras.utils.set_random_seed(5)
    encoder = text.LSTMEncoder(preprocessor.tokenizer.vocabulary_size, 8)
    parts = {}
    if graph is not None:
        parts["triples"] = layers.TripleEmbedding.from_sizes(graph.num_entities, 1, 8)
        parts |= {"fusion": fusion or layers.GatedFusion(), "scorer": scorers.ComplEx()}
    return models.JointModel(encoder, head or layers.ClassificationHead(2), **parts)


@pytest.fixture(scope="module")
def exported(graph, preprocessor, tmp_path_factory):
    model = _model(graph, preprocessor, layers.AttentionFusion())
    base = tmp_path_factory.mktemp("saved_models") / "joint"
    folder = export.export_joint_model(
        model, preprocessor, graph, CLASSES, base, samples=TEXTS, card={"data": "toy"}
    )
    return model, folder


def _scores(model, preprocessor):
    encoded = pipelines.encode_texts(preprocessor, TEXTS)
    return np.asarray(model.head.probabilities(model.predict(encoded, verbose=0)))


@pytest.mark.slow
def test_same_numbers_in_a_clean_process(exported, preprocessor, run_in_clean_process):
    model, folder = exported
    scores = _scores(model, preprocessor)
    answer = run_in_clean_process(folder, "serving_default", {"text": list(TEXTS)})
    assert answer["label"] == [CLASSES[i] for i in scores.argmax(axis=-1)]
    np.testing.assert_allclose(answer["score"], scores.max(axis=-1), rtol=1e-5)
    assert [row[:3] for row in answer["entities"]] == [
        ["Lima", "Peru", ""],
        ["São Paulo", "Brazil", ""],
        ["", "", ""],
        ["", "", ""],
    ]


def test_signatures(exported, preprocessor):
    model, folder = exported
    loaded = tf.saved_model.load(str(folder))
    assert set(loaded.signatures) == {
        "serving_default",
        "predict",
        "predict_ids",
        "classify",
        "explain",
        "embed_entities",
    }
    scores = _scores(model, preprocessor)
    encoded = {
        name: tf.constant(x) for name, x in pipelines.encode_texts(preprocessor, TEXTS).items()
    }
    np.testing.assert_allclose(
        loaded.signatures["predict_ids"](**encoded)["scores"], scores, rtol=1e-5
    )
    examples = tf.constant(
        [
            tf.train.Example(
                features=tf.train.Features(
                    feature={
                        "text": tf.train.Feature(
                            bytes_list=tf.train.BytesList(value=[line.encode()])
                        )
                    }
                )
            ).SerializeToString()
            for line in TEXTS
        ]
    )
    answer = loaded.signatures["classify"](inputs=examples)
    np.testing.assert_allclose(answer["scores"], scores, rtol=1e-5)
    assert answer["classes"].numpy()[0].tolist() == [b"false", b"true"]
    answer = loaded.signatures["embed_entities"](entity=tf.constant(["sao_paulo", "atlantis"]))
    assert answer["known"].numpy().tolist() == [True, False]
    np.testing.assert_array_equal(answer["embedding"][0], model.triples.entities.table[2])
    np.testing.assert_array_equal(answer["embedding"][1], np.zeros(8))


def test_explain_tells_words_entities_and_weights(exported, preprocessor):
    model, folder = exported
    loaded = tf.saved_model.load(str(folder))
    answer = loaded.signatures["explain"](text=tf.constant(TEXTS))
    answer = {name: value.numpy() for name, value in answer.items()}
    assert {value.shape for value in answer.values()} == {(len(TEXTS), 14)}
    assert answer["words"][1, :6].tolist() == [
        w.encode() for w in "São Paulo lies in Brazil !".split()
    ]
    text = TEXTS[1].encode()
    for word, start, end in zip(
        answer["words"][1], answer["starts"][1], answer["ends"][1], strict=True
    ):
        assert word == (text[start:end] if start >= 0 else b"")
    names = [name.decode() for name in answer["entities"][1, :6]]
    assert names == ["São Paulo", "São Paulo", "", "", "Brazil", ""]
    assert answer["mentions"][1, :6].tolist() == [True, False, False, False, True, False]
    encoded = pipelines.encode_texts(preprocessor, TEXTS)
    weights = model.fusion_weights().predict(encoded, verbose=0)
    for row, words in enumerate((5, 6, 3, 0)):
        np.testing.assert_allclose(
            answer["weights"][row], [*weights[row, 1 : words + 1], *[0] * (14 - words)], rtol=1e-5
        )
    assert answer["weights"][1].max() > 0


def test_explain_takes_the_mean_over_the_pieces_of_a_word():
    values = tf.constant([[1.0, 3.0, 5.0, 9.0], [2.0, 9.0, 9.0, 9.0]])
    places = tf.constant([[0, 0, 2, 5], [1, -1, -1, -1]])
    assert by_word(values, places).numpy().tolist() == [[2, 0, 5, 0], [0, 2, 0, 0]]


def test_assets_warmup_and_card(exported, preprocessor):
    _, folder = exported
    assets = {path.name for path in (folder / "assets").iterdir()}
    assert {"words.tsv", "surface_forms.tsv", "entity_names.txt", "entities.tsv"} <= assets
    assert (folder / "assets.extra" / "tf_serving_warmup_requests").stat().st_size
    card = json.loads((folder / "assets.extra" / "model.json").read_text())
    assert (card["data"], card["model"]) == ("toy", "JointModel")
    assert card["sizes"] == {
        "tokens": preprocessor.tokenizer.vocabulary_size,
        "classes": 2,
        "entities": 4,
        "relations": 1,
    }
    assert not export.check_saved_model(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "classes"),
    [
        (layers.ClassificationHead(1, kind="binary"), ("no", "yes")),
        (layers.ClassificationHead(3, kind="multilabel"), ("a", "b", "c")),
    ],
)
def test_other_heads(graph, preprocessor, tmp_path, head, classes):
    model = _model(graph, preprocessor, head=head)
    folder = export.export_joint_model(
        model, preprocessor, graph, classes, tmp_path / "m", samples=TEXTS
    )
    answer = tf.saved_model.load(str(folder)).signatures["predict"](text=tf.constant(TEXTS))
    probabilities = _scores(model, preprocessor)
    if len(classes) == 2:
        probabilities = np.concatenate([1 - probabilities, probabilities], axis=1)
    np.testing.assert_allclose(answer["score"], probabilities.max(axis=1), rtol=1e-5)
    labels = [label.decode() for label in answer["label"].numpy()]
    assert labels == [classes[i] for i in probabilities.argmax(axis=1)]


@pytest.mark.slow
def test_text_only_model(preprocessor, tmp_path):
    model = _model(None, preprocessor)
    folder = export.export_joint_model(
        model, preprocessor, None, CLASSES, tmp_path / "m", samples=TEXTS
    )
    loaded = tf.saved_model.load(str(folder))
    assert not {"embed_entities", "explain"} & set(loaded.signatures)
    card = json.loads((folder / "assets.extra" / "model.json").read_text())
    assert set(card["sizes"]) == {"tokens", "classes"}
    assert not np.char.str_len(
        loaded.signatures["predict"](text=tf.constant(TEXTS))["entities"].numpy().astype(str)
    ).any()


@pytest.mark.parametrize("given", [False, True])
def test_a_graph_belongs_to_a_model_of_one(graph, preprocessor, tmp_path, given):
    model = _model(None if given else graph, preprocessor)
    with pytest.raises(ValueError, match="`graph` must be given with a model of texts and a graph"):
        export.export_joint_model(
            model, preprocessor, graph if given else None, CLASSES, tmp_path / "m"
        )
    assert not list(tmp_path.iterdir())


def test_wrong_number_of_classes(graph, preprocessor, tmp_path):
    with pytest.raises(ValueError, match=r"`classes` must hold 2 names\. Received: \('a',\)"):
        export.export_joint_model(
            _model(graph, preprocessor), preprocessor, graph, ("a",), tmp_path / "m"
        )
    assert not list(tmp_path.iterdir())


def test_usage_quotes_what_a_shell_would_split(tmp_path):
    serve, ask = export.usage(tmp_path / "my models" / "joint" / "1", "Is it Côte d'Ivoire?")
    flags = shlex.split(serve)
    assert flags[0].endswith("/kgkeras")
    assert flags[1:4] == ["serve", "--model_name", "joint"]
    assert flags[5] == str(tmp_path / "my models" / "joint")
    assert json.loads(shlex.split(ask)[2]) == {"instances": ["Is it Côte d'Ivoire?"]}


# === Two marked mentions ===

MARKS = ("<e1>", "</e1>", "<e2>", "</e2>")
MARKED = (
    "<e1>Lima</e1> lies in <e2>Peru</e2>.",
    "In <e2>Brazil</e2>, near Lima, is <e1>São Paulo</e1>.",
    "<e1>Something</e1> is in <e2>Peru</e2>.",
    "no marks in Lima",
)


@pytest.mark.slow
@pytest.mark.parametrize("knows", [True, False])
def test_a_relation_classifier(graph, tmp_path, knows, run_in_clean_process):
    keras.utils.set_random_seed(5)
    tokenizer = text.WordTokenizer.from_texts(MARKED, markers=MARKS)
    preprocessor = text.Preprocessor(tokenizer, text.DictionaryLinker.from_graph(graph), 16)
    encoder = text.LSTMEncoder(tokenizer.vocabulary_size, 8)
    parts = {}
    if knows:
        parts["triples"] = layers.TripleEmbedding.from_sizes(graph.num_entities, 1, 8)
        parts["fusion"] = layers.GatedFusion()
    model = models.RelationClassifier(
        encoder, layers.ClassificationHead(2), tokenizer.marker_ids, **parts
    )
    given = {"graph": graph} if knows else {}
    folder = export.export_model(
        model, tmp_path / "m", preprocessor=preprocessor, classes=CLASSES, samples=MARKED, **given
    )
    encoded = pipelines.encode_texts(preprocessor, MARKED)
    scores = np.asarray(model.head.probabilities(model.predict(encoded, verbose=0)))
    answer = run_in_clean_process(folder, "serving_default", {"text": list(MARKED)})
    assert answer["label"] == [CLASSES[i] for i in scores.argmax(axis=-1)]
    np.testing.assert_allclose(answer["score"], scores.max(axis=-1), rtol=1e-5)
    pairs = [["Lima", "Peru"], ["São Paulo", "Brazil"], ["", "Peru"], ["", ""]]
    assert answer["entities"] == (pairs if knows else [["", ""]] * 4)
    card = json.loads((folder / "assets.extra" / "model.json").read_text())
    assert card["model"] == "RelationClassifier"


@pytest.mark.slow
def test_facts_in_words(tmp_path):
    """A text whose facts enter as words of its own, from the string to the served answer."""
    facts = small.knowledge()
    reads = text.VerbalizedTriples(small.preprocessor(facts), facts)
    keras.utils.set_random_seed(5)
    size = reads.tokenizer.vocabulary_size
    encoder = text.TransformerEncoder(size, 8, num_layers=1, num_heads=2, max_length=16)
    parts = {}
    sizes = facts.num_entities, facts.num_relations
    parts["triples"] = layers.TripleEmbedding.from_sizes(*sizes, 8)
    parts["fusion"] = layers.GatedFusion()
    head = layers.ClassificationHead(2)
    model = models.JointModel(text.TreeEncoder(encoder), head, **parts)
    inputs = pipelines.encode_texts(reads, small.TEXTS)
    model.compile("adam", head.loss())
    model.fit(inputs, np.array([0, 1, 0, 1]), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    scores = np.asarray(head.probabilities(model.predict(inputs, verbose=0)))
    np.testing.assert_array_equal(
        again.predict(inputs, verbose=0), model.predict(inputs, verbose=0)
    )
    # Facts change what a text with mentions says, and no other.
    plain = {**inputs, "mentions": np.full_like(inputs["mentions"], -1)}
    changed = np.abs(model.predict(plain, verbose=0) - model.predict(inputs, verbose=0)).max(axis=1)
    assert (changed > 1e-6).tolist() == [True, True, False, False]
    folder = export.export_joint_model(
        model, reads, facts, ("no", "yes"), tmp_path / "m", samples=small.TEXTS
    )
    loaded = tf.saved_model.load(str(folder)).signatures
    answer = loaded["predict"](text=tf.constant(small.TEXTS))
    np.testing.assert_allclose(answer["score"], scores.max(axis=1), rtol=1e-5)
    assert answer["entities"].numpy()[1, :2].tolist() == ["São Paulo".encode(), b"Brazil"]
    by_ids = loaded["predict_ids"](**{k: tf.constant(v) for k, v in reads(small.TEXTS).items()})
    np.testing.assert_allclose(by_ids["scores"], scores, rtol=1e-5)
    weights = loaded["explain"](text=tf.constant(small.TEXTS))
    linked = weights["entities"].numpy() != b""
    assert ((weights["weights"].numpy() > 0) == linked).all()
