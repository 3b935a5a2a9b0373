"""Classifiers of choices and of pairs, exported: plain strings in, the answer out."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import export, graph, layers, models, pipelines, text
from tests import toy
from tests.export import served

QUESTIONS = [("e1 r2", ("e4", "e29", "e7")), ("where is e3", ("e5", "nowhere", "e6 or e9"))]


@pytest.fixture(scope="module")
def parts():
    facts = toy.graph()
    tokenizer = text.WordTokenizer.from_texts([*facts.entities, *facts.relations, "where is or"])
    linker = text.DictionaryLinker.from_graph(facts)
    return facts, text.Preprocessor(tokenizer, linker, 12)


def classifier(parts, head, choices, knows=True):
    facts, preprocess = parts
    keras.utils.set_random_seed(2)
    encoder = text.LSTMEncoder(preprocess.tokenizer.vocabulary_size, 8)
    known, counts = {}, None
    if knows:
        triples = layers.TripleEmbedding.from_sizes(facts.num_entities, facts.num_relations, 8)
        known = {"triples": triples, "fusion": layers.GatedFusion()}
        counts = graph.FactCounts(graph.FactIndex.from_graph(facts.with_inverses()))
    reader = models.JointModel(encoder, head, **known)
    return models.KnowledgeClassifier(reader, counts, choices=choices)


@pytest.mark.slow
def test_choices(parts, tmp_path, run_in_clean_process):
    facts, preprocess = parts
    model = classifier(parts, layers.ClassificationHead(1, "binary"), choices=True)
    folder = export.export_model(
        model, tmp_path / "choices", preprocessor=preprocess, graph=facts, samples=QUESTIONS
    )
    questions, choices = map(list, zip(*QUESTIONS, strict=True))
    logits = model.predict(pipelines.encode_pairs(preprocess, questions, choices), verbose=0)
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    inputs = {"question": questions, "choices": [list(row) for row in choices]}
    answer = run_in_clean_process(folder, "serving_default", inputs)
    np.testing.assert_allclose(answer["scores"], wanted, rtol=1e-5)
    np.testing.assert_allclose(answer["score"], wanted.max(axis=1), rtol=1e-5)
    best = [row[place] for row, place in zip(choices, wanted.argmax(axis=1), strict=True)]
    assert answer["answer"] == best
    instances = [{"question": q, "choices": list(row)} for q, row in QUESTIONS]
    (status, body), (wrong, _) = served.ask(
        folder,
        ("predict", {"instances": instances}),
        ("predict", {"instances": [{"question": "e1", "choices": "e2"}]}),
    )
    assert status == 200
    assert [row["answer"] for row in body["predictions"]] == best
    assert wrong == 400
    card = json.loads((folder / "assets.extra" / "model.json").read_text())
    assert card["model"] == "KnowledgeClassifier"


@pytest.mark.slow
def test_pairs(parts, tmp_path):
    _, preprocess = parts
    for head, classes in (
        (layers.ClassificationHead(3), ("yes", "no", "who knows")),
        (layers.ClassificationHead(1, "binary"), ("no", "yes")),
    ):
        model = classifier(parts, head, choices=False, knows=False)
        folder = export.export_model(
            model, tmp_path / "pairs", preprocessor=preprocess, classes=classes
        )
        texts = ["e1 r2", "where is e3"], ["e4", "e5 or e6"]
        logits = model.predict(pipelines.encode_pairs(preprocess, *texts), verbose=0)
        wanted = np.array(head.probabilities(logits))
        if len(classes) == 2:
            wanted = np.concatenate([1 - wanted, wanted], axis=1)
        instances = [{"text": a, "second": b} for a, b in zip(*texts, strict=True)]
        ((status, body),) = served.ask(folder, ("predict", {"instances": instances}))
        assert status == 200
        for row, scores in zip(body["predictions"], wanted, strict=True):
            np.testing.assert_allclose(row["scores"], scores, rtol=1e-5)
            assert row["label"] == classes[scores.argmax()]


def test_choices_read_apart(parts, tmp_path):
    _, preprocess = parts
    keras.utils.set_random_seed(2)
    encoder = text.LSTMEncoder(preprocess.tokenizer.vocabulary_size, 8)
    model = models.ChoiceMatcher(models.TextLinkPredictor(encoder))
    folder = export.export_model(
        model, tmp_path / "apart", preprocessor=preprocess, samples=QUESTIONS
    )
    questions, choices = map(list, zip(*QUESTIONS, strict=True))
    logits = model.predict(pipelines.encode_choices(preprocess, questions, choices), verbose=0)
    predict = tf.saved_model.load(str(folder)).signatures["predict"]
    answer = predict(question=tf.constant(questions), choices=tf.constant(choices))
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answer["scores"], wanted, rtol=1e-4)
    best = [row[place] for row, place in zip(choices, wanted.argmax(axis=1), strict=True)]
    assert [name.decode() for name in answer["answer"].numpy()] == best
    with pytest.raises(
        ValueError, match="A ChoiceMatcher needs `preprocessor` and takes `samples`"
    ):
        export.export_model(model, tmp_path / "no", preprocessor=preprocess, graph=parts[0])


def test_bad_arguments(parts, tmp_path):
    facts, preprocess = parts
    head = layers.ClassificationHead(1, "binary")
    chooses = classifier(parts, head, choices=True)
    with pytest.raises(ValueError, match=r"A model of choices has no `classes`.*'a', 'b'"):
        export.export_knowledge_classifier(
            chooses, preprocess, tmp_path, graph=facts, classes=("a", "b")
        )
    with pytest.raises(ValueError, match="`graph` must be given with a reader that has tables"):
        export.export_knowledge_classifier(chooses, preprocess, tmp_path)
    pairs = classifier(parts, layers.ClassificationHead(3), choices=False, knows=False)
    with pytest.raises(ValueError, match=r"`classes` must hold 3 names\. Received: \(\)"):
        export.export_knowledge_classifier(pairs, preprocess, tmp_path)
    assert not list(tmp_path.iterdir())
