"""Each task of a model as a signature of one SavedModel."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import export, layers, models, pipelines
from tests.export import small

CLASSES = {"truth": ("false", "true")}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    facts = small.knowledge()
    preprocessor = small.masked_preprocessor(facts)
    model = small.multitask(facts, preprocessor)
    folder = export.export_multitask_model(
        model,
        preprocessor,
        facts,
        tmp_path_factory.mktemp("exports") / "tasks",
        classes=CLASSES,
        k=3,
        samples={"truth": small.TEXTS},
    )
    return facts, preprocessor, model, tf.saved_model.load(str(folder)).signatures


def texts(values):
    return np.vectorize(bytes.decode, otypes=[str])(values.numpy())


@pytest.mark.slow
def test_signatures(exported):
    *_, signatures = exported
    assert set(signatures) == {"truth", "questions", "language", "graph", "serving_default"}


def test_classes(exported):
    _, preprocessor, model, signatures = exported
    answer = signatures["serving_default"](text=tf.constant(small.TEXTS))
    logits = model.task_model("truth")(pipelines.encode_texts(preprocessor, small.TEXTS))
    yes = np.asarray(keras.ops.sigmoid(logits))[:, 0]
    np.testing.assert_allclose(answer["scores"], np.stack([1 - yes, yes], axis=1), rtol=1e-5)
    assert texts(answer["label"]).tolist() == [CLASSES["truth"][int(p > 0.5)] for p in yes]


def test_answers(exported):
    facts, preprocessor, model, signatures = exported
    answer = signatures["questions"](text=tf.constant(small.TEXTS))
    scores = model.task_model("questions")(pipelines.encode_texts(preprocessor, small.TEXTS))
    scores = np.asarray(keras.ops.softmax(scores))
    best = np.argsort(-scores, axis=1)[:, :3]
    assert texts(answer["answers"]).tolist() == np.array(facts.entities)[best].tolist()
    assert texts(answer["names"]).tolist() == np.array(small.NAMES)[best].tolist()
    np.testing.assert_allclose(answer["scores"], np.take_along_axis(scores, best, 1), rtol=1e-5)
    assert texts(answer["entities"])[0].tolist() == ["Lima", "Peru", "", ""]


def test_hidden_tokens(exported):
    _, preprocessor, model, signatures = exported
    answer = signatures["language"](text=tf.constant(["Lima is in [MASK]", "Lima is"]))
    tokenizer = preprocessor.tokenizer
    encoded = dict(pipelines.encode_texts(preprocessor, ["Lima is in is"]))
    encoded["token_ids"] = encoded["token_ids"].copy()
    encoded["token_ids"][0, 4] = tokenizer.mask_id
    encoded["mask_positions"] = np.array([[4]], "int32")
    scores = np.asarray(keras.ops.softmax(model.task_model("language")(encoded)[0, 0]))
    best = np.argsort(-scores)[:3]
    assert texts(answer["tokens"])[0, 0].tolist() == [tokenizer.tokens[i] for i in best]
    np.testing.assert_allclose(answer["scores"][0, 0], scores[best], rtol=1e-5)
    assert not np.any(answer["scores"][1])


def test_tails(exported):
    facts, _, model, signatures = exported
    answer = signatures["graph"](
        head=tf.constant(["lima", "nobody"]), relation=tf.constant(["city_in", "city_in"])
    )
    head = model.heads["graph"]
    predictor = models.LinkPredictor(head.triples, head.scorer, reciprocal=False)
    scores = np.asarray(predictor.score_tails(np.array([0]), np.array([0])))[0]
    best = np.argsort(-scores)[:3]
    assert texts(answer["tails"])[0].tolist() == [facts.entities[i] for i in best]
    np.testing.assert_allclose(answer["scores"][0], scores[best], rtol=1e-5)
    assert answer["known"].numpy().tolist() == [True, False]


def test_what_does_not_fit(exported, tmp_path):
    facts, preprocessor, model, _ = exported
    arguments = model, preprocessor, facts, tmp_path / "none"
    with pytest.raises(ValueError, match=r"`classes` must name the classes of the tasks \['truth'"):
        export.export_multitask_model(*arguments)
    with pytest.raises(ValueError, match="`classes` must hold 2 names"):
        export.export_multitask_model(*arguments, classes={"truth": ("a", "b", "c")})
    with pytest.raises(ValueError, match="`k` must be at most 5"):
        export.export_multitask_model(*arguments, classes=CLASSES, k=6)

    class Other(layers.TaskHead):
        def call(self, inputs, words=None):
            return words[:, 0]

    other = model.without_task("truth").with_task("other", Other())
    with pytest.raises(ValueError, match="The head of 'other' must be a ClassHead"):
        export.export_multitask_model(other, *arguments[1:])
    assert not (tmp_path / "none").exists()
