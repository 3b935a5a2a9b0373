"""Exports classifiers of pairs of texts and of choices: plain strings in, the answer out."""

import numpy as np
import tensorflow as tf

from kgkeras.export.endpoint import Endpoint
from kgkeras.export.entity_names import EntityNames, strings
from kgkeras.export.text_parts import card_of_texts, check_classes
from kgkeras.export.writer import write_saved_model
from kgkeras.models import Vocabulary
from kgkeras.pipelines.texts import trim


def export_knowledge_classifier(
    model, preprocessor, base, *, graph=None, classes=None, samples=None, card=None, version=None
):
    """Writes a `KnowledgeClassifier` as a SavedModel that takes plain strings.

    Signatures, each over a batch:

    - `serving_default` (also `predict`), of choices: `question` string `(batch,)` and `choices`
      string `(batch, n)`; gives `answer` string, the choice held right, `score` float32, its
      probability, and `scores` float32 `(batch, n)`, those of all.
    - The same of pairs: `text` and `second` string, each `(batch,)`; gives `label` string, `score`
      float32 and `scores` float32 `(batch, classes)`.
    - `embed_entities`, with a graph: as of `export_joint_model`.

    Args:
        model: A `kgkeras.models.KnowledgeClassifier`.
        preprocessor: The `kgkeras.text.Preprocessor` it was trained with.
        base: Folder of the model's versions.
        graph: The `kgkeras.kg.KnowledgeGraph` it was trained with, if its reader has tables.
        classes: Names of the classes, of a model of pairs alone.
        samples: Typical inputs, the server's warmup requests: of choices, tuples of a question and
            its choices; of pairs, tuples of two texts.
        card: As of `export_joint_model`.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: If `classes` are not those of a model of pairs, or a graph is given with a model
            without tables or missing with another.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    head = model.reader.head
    if model.choices and classes is not None:
        raise ValueError(
            f"A model of choices has no `classes`: its answers are. Received: {tuple(classes)}."
        )
    if not model.choices:
        check_classes(head, classes or ())
    if (graph is None) != (model.triples is None):
        raise ValueError(
            "`graph` must be given with a reader that has tables, and with no other. "
            f"Received: {graph!r} with triples={model.triples!r}."
        )
    card = card_of_texts(card, model, preprocessor, graph, classes or ())
    tracked = [preprocessor]
    make = _choices if model.choices else _pairs
    endpoints = [make(model, preprocessor, classes, samples)]
    if graph is not None:
        entities = EntityNames(Vocabulary.from_graph(graph))
        tracked += entities.tracked
        endpoints.append(entities.embed_endpoint(model.triples.entities))
    return write_saved_model(base, endpoints, tracked=tracked, card=card, version=version)


def export_choice_matcher(model, preprocessor, base, *, samples=None, card=None, version=None):
    """Writes a `ChoiceMatcher` as a SavedModel that takes plain strings.

    Args:
        model: A `kgkeras.models.ChoiceMatcher`.
        preprocessor: The `kgkeras.text.Preprocessor` it was trained with.
        base: Folder of the model's versions.
        samples: Typical questions, each with its choices: the server's warmup requests.
        card: As of `export_joint_model`.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version, with the signature of choices that
        `export_knowledge_classifier` describes.

    Raises:
        ExportError: If TensorFlow Serving could not serve the result.
    """
    card = card_of_texts(card, model, preprocessor, None, ())
    endpoints = [_matches(model, preprocessor, samples)]
    return write_saved_model(base, endpoints, tracked=[preprocessor], card=card, version=version)


def _choices(model, preprocessor, _, samples):
    def logits(question, choices):
        shape = tf.shape(choices)
        questions = tf.repeat(question, shape[1])
        rows = preprocessor.pairs(questions, tf.reshape(choices, [-1]))
        return model(
            {name: _beside(column, shape) for name, column in rows.items()}, training=False
        )

    return _answers(logits, samples)


def _matches(model, preprocessor, samples):
    def logits(question, choices):
        asked = preprocessor(question)
        offered = preprocessor(tf.reshape(choices, [-1]))
        shape, names = tf.shape(choices), ("token_ids", "padding_mask")
        columns = {name: asked[name] for name in names}
        columns |= {f"choice_{name}": _beside(offered[name], shape) for name in names}
        (columns,) = trim(columns)
        return model(columns, training=False)

    return _answers(logits, samples)


def _beside(column, shape):
    """Rows `(batch * choices, words)` as `(batch, choices, words)`."""
    return tf.reshape(column, [shape[0], shape[1], tf.shape(column)[1]])


def _answers(logits, samples):
    """The endpoint of a function from questions and choices to logits."""

    def predict(question, choices):
        scores = tf.nn.softmax(logits(question, choices))
        best = tf.argmax(scores, axis=-1)
        return {
            "answer": tf.gather(choices, best, batch_dims=1),
            "score": tf.reduce_max(scores, axis=-1),
            "scores": scores,
        }

    samples = samples or [("warm", ("one", "other"))]
    warmup = {
        "question": np.array([question for question, _ in samples], dtype=object),
        "choices": np.array([list(choices) for _, choices in samples], dtype=object),
    }
    specs = [strings("question"), tf.TensorSpec([None, None], tf.string, name="choices")]
    return Endpoint("predict", predict, specs, warmup)


def _pairs(model, preprocessor, classes, samples):
    head, names = model.reader.head, tf.constant(list(classes))

    def predict(text, second):
        scores = head.probabilities(model(preprocessor.pairs(text, second), training=False))
        if head.kind == "binary":
            scores = tf.concat([1.0 - scores, scores], axis=-1)
        return {
            "label": tf.gather(names, tf.argmax(scores, axis=-1)),
            "score": tf.reduce_max(scores, axis=-1),
            "scores": scores,
        }

    first, second = zip(*(samples or [("warm", "warm")]), strict=True)
    warmup = {"text": np.array(first, dtype=object), "second": np.array(second, dtype=object)}
    return Endpoint("predict", predict, [strings("text"), strings("second")], warmup)
