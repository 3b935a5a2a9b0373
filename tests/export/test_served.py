"""Exports asked over REST: by inputs, and by the examples of classify and regress requests."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import export, layers, models, pipelines
from kgkeras.export.example_endpoint import example_endpoint
from kgkeras.export.link_parts import NO_SCORE
from tests.export import served, small


@pytest.fixture(scope="module")
def facts():
    return small.knowledge()


@pytest.fixture(scope="module")
def preprocessor(facts):
    return small.preprocessor(facts)


def _body(signature, **features):
    examples = [
        dict(zip(features, row, strict=True)) for row in zip(*features.values(), strict=True)
    ]
    return {"signature_name": signature, "examples": examples}


def test_a_link_predictor_is_asked_by_name(facts, tmp_path):
    model = small.links(facts)
    folder = export.export_link_predictor(model, tmp_path / "m", k=4)
    rows = [{"head": "São Paulo", "relation": "city_in"}, {"head": "nobody", "relation": "city_in"}]
    triple = {"head": ["lima"], "relation": ["part_of"], "tail": ["Brazil"]}
    tails, score, uneven = served.ask(
        folder,
        ("predict", {"instances": rows}),
        ("predict", {"signature_name": "score", "inputs": triple}),
        ("predict", {"inputs": {"head": ["lima"], "relation": ["city_in", "part_of"]}}),
    )
    assert tails[0] == score[0] == 200
    best, unknown = tails[1]["predictions"]
    wanted = model.top_tails("sao_paulo", "city_in", k=4)
    assert best["tails"] == [item.identifier for item in wanted]
    assert best["names"] == [item.name for item in wanted]
    np.testing.assert_allclose(best["scores"], [item.score for item in wanted], rtol=1e-5)
    assert best["known"]
    lowest = pytest.approx([NO_SCORE] * 4)
    assert unknown == {"tails": [""] * 4, "names": [""] * 4, "scores": lowest, "known": False}
    wanted = model.score(np.array([0]), np.array([1]), np.array([3]))
    np.testing.assert_allclose(score[1]["outputs"]["score"], wanted, rtol=1e-5)
    assert uneven[0] == 400
    assert "Shapes of all inputs must match" in uneven[1]["error"]


TRIPLES = {
    "head": ["lima", "São Paulo", "nobody", "peru", "peru"],
    "relation": ["city_in", "part_of", "city_in", "knows", "part_of"],
    "tail": ["brazil", "america", "lima", "lima", ""],
}


@pytest.mark.parametrize("kind", ["links", pytest.param("paths", marks=pytest.mark.slow)])
def test_regress_scores_a_triple(facts, kind, tmp_path):
    model = getattr(small, kind)(facts)
    folder = export.export_link_predictor(model, tmp_path / "m", k=2)
    lone = {"signature_name": "regress", "examples": [{"head": "lima", "tail": "peru"}]}
    shared = {**lone, "context": {"relation": ["city_in"]}}
    told, of_context, lacking = served.ask(
        folder, ("regress", _body("regress", **TRIPLES)), ("regress", shared), ("regress", lone)
    )
    assert told[0] == 200
    ids = [np.array(column) for column in ([0, 2, 0], [0, 1, 0], [3, 4, 1])]
    wanted = np.asarray(model.score(*ids))
    values = told[1]["results"]
    np.testing.assert_allclose(values[:2], wanted[:2], rtol=1e-5)
    np.testing.assert_allclose(values[2:], [NO_SCORE] * 3, rtol=1e-6)
    np.testing.assert_allclose(of_context[1]["results"], wanted[2:], rtol=1e-5)
    assert lacking[0] == 400
    assert "Feature: relation (data type: string) is required" in lacking[1]["error"]
    # The same as `score` gives.
    score = tf.saved_model.load(str(folder)).signatures["score"]
    answer = score(**{name: tf.constant(column) for name, column in TRIPLES.items()})
    np.testing.assert_allclose(values, answer["score"], rtol=1e-5)


@pytest.mark.slow
def test_classify_names_the_answers_of_a_question(facts, preprocessor, tmp_path):
    model = small.questions(facts)
    folder = export.export_question_answerer(
        model, preprocessor, facts, tmp_path / "m", samples=small.TEXTS
    )
    asked = [*small.TEXTS, "America"]
    ((status, answer),) = served.ask(folder, ("classify", _body("classify", question=asked)))
    assert status == 200
    wanted = model.predict(pipelines.encode_texts(preprocessor, asked), verbose=0)
    found = answer["results"]
    names = [[small.NAMES[i] if i >= 0 else "" for i in row] for row in wanted["answers"]]
    assert [[name for name, _ in row] for row in found] == names
    assert names[0][0] != "" == names[2][0]
    scores = [[score for _, score in row] for row in found]
    np.testing.assert_allclose(scores, wanted["scores"], rtol=1e-5, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["joint", pytest.param("graph_text", marks=pytest.mark.slow)])
def test_a_binary_head_classifies_and_regresses(facts, preprocessor, kind, tmp_path):
    head = layers.ClassificationHead(1, kind="binary")
    model = getattr(small, kind)(facts, head)
    encoded = pipelines.encode_texts(preprocessor, small.TEXTS)
    options = {"samples": small.TEXTS, "classes": ("no", "yes"), "base": tmp_path / "m"}
    if isinstance(model, models.GraphTextModel):
        sampler = pipelines.SubgraphSampler(facts, hops=1, max_nodes=8, max_edges=16)
        folder = export.export_graph_text_model(model, preprocessor, facts, sampler, **options)
        graph = pipelines.entity_graphs(encoded["entity_ids"], sampler, model.max_mentions)
        encoded = {**encoded, "graph": {name: x.numpy() for name, x in graph.items()}}
    else:
        folder = export.export_joint_model(model, preprocessor, facts, **options)
    regressed, classified = served.ask(
        folder,
        ("regress", _body("regress", text=small.TEXTS)),
        ("classify", _body("classify", text=small.TEXTS)),
    )
    assert regressed[0] == classified[0] == 200
    wanted = keras.ops.sigmoid(model(encoded, training=False))[:, 0]
    np.testing.assert_allclose(regressed[1]["results"], wanted, rtol=1e-5)
    assert [row[1] for row in classified[1]["results"]] == [
        ["yes", pytest.approx(float(p), rel=1e-5)] for p in wanted
    ]
    assert not export.check_saved_model(folder)


def test_examples_are_warmed_up():
    def joined(a, b):
        return {"outputs": tf.strings.to_number(tf.strings.join([a, b]))}

    samples = {"a": np.array(["1", "2"]), "b": np.array(["0", "5"])}
    endpoint = example_endpoint("regress", joined, samples)
    answer = endpoint.function(tf.constant(endpoint.sample(3)["inputs"]))
    assert answer["outputs"].numpy().tolist() == [10.0, 25.0, 10.0]
