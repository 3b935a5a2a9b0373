"""Exports a joint model: plain strings in, names out."""

import numpy as np
import tensorflow as tf

from kgkeras.export.endpoint import Endpoint
from kgkeras.export.writer import write_saved_model
from kgkeras.text import StringList, StringTable

_EXAMPLE = {"text": tf.io.FixedLenFeature([], tf.string)}


def export_joint_model(
    model, preprocessor, graph, classes, base, *, samples=("warm",), card=None, version=None
):
    """Writes a `JointModel` as a SavedModel that takes plain strings.

    Signatures, each over a batch:

    - `serving_default` (also `predict`): `text` string; gives `label` string, `score` float32 (the
      label's probability) and `entities` string `(batch, max_mentions)`: the names of the entities
      found in the text, filled up with "".
    - `predict_ids`: `token_ids` int32, `padding_mask` bool and `entity_ids` int32, each
      `(batch, words)`; gives `scores` float32 `(batch, classes)`.
    - `classify`: `inputs`, serialised `tf.Example`s with a string feature `text`; gives `classes`
      string and `scores` float32, each `(batch, classes)`.
    - `embed_entities`: `entity` string, an identifier of the graph; gives `embedding` float32
      `(batch, dim)` and `known` bool, False where there is no such entity.

    Args:
        model: A `kgkeras.models.JointModel` whose head has `probabilities`.
        preprocessor: The `kgkeras.text.Preprocessor` it was trained with.
        graph: The `kgkeras.kg.KnowledgeGraph` it was trained with; None for a text-only model,
            which then has no `embed_entities` and finds no entities.
        classes: Names of the classes, one a logit; two for a binary head (no, yes).
        base: Folder of the model's versions.
        samples: Typical texts: the server's warmup requests.
        card: Dict that JSON can hold, kept beside the model.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: If the number of classes is not that of the head's logits.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    binary = model.head.kind == "binary"
    if len(classes) != (2 if binary else model.head.num_classes):
        raise ValueError(
            f"`classes` must hold {2 if binary else model.head.num_classes} names. "
            f"Received: {tuple(classes)}."
        )
    parts = _Parts(model, preprocessor, graph, classes)
    texts = np.array(list(samples), dtype=object)
    string = tf.TensorSpec([None], tf.string, name="text")
    ids = [
        tf.TensorSpec([None, None], dtype, name=name)
        for name, dtype in (
            ("token_ids", tf.int32),
            ("padding_mask", tf.bool),
            ("entity_ids", tf.int32),
        )
    ]
    encoded = {name: column.numpy() for name, column in preprocessor(texts).items()}
    examples = tf.TensorSpec([None], tf.string, name="inputs")
    endpoints = [
        Endpoint("predict", parts.predict, [string], {"text": texts}),
        Endpoint("predict_ids", parts.predict_ids, ids, encoded),
        Endpoint("classify", parts.classify, [examples], {"inputs": _examples(samples)}),
    ]
    if graph is not None:
        entity = tf.TensorSpec([None], tf.string, name="entity")
        known = {"entity": np.array(graph.entities[:8], dtype=object)}
        endpoints.append(Endpoint("embed_entities", parts.embed_entities, [entity], known))
    return write_saved_model(base, endpoints, tracked=parts.tracked, card=card, version=version)


class _Parts:
    """The functions behind the signatures, and what they look names up in."""

    def __init__(self, model, preprocessor, graph, classes):
        self.model = model
        self.preprocessor = preprocessor
        self.classes = tf.constant(list(classes))
        self.tracked = [preprocessor]
        self.graph = graph
        if graph is not None:
            names = [graph.entity_name(i) for i in range(graph.num_entities)]
            self.names = StringList(names, "entity_names")
            identifiers = (entity.encode() for entity in graph.entities)
            self.entity_ids = StringTable(identifiers, range(graph.num_entities), "entities")
            self.tracked += [self.names, self.entity_ids]

    def predict(self, text):
        encoded = self.preprocessor(text)
        scores = self._scores(encoded)
        best = tf.argmax(scores, axis=-1)
        return {
            "label": tf.gather(self.classes, best),
            "score": tf.reduce_max(scores, axis=-1),
            "entities": self._entities(text),
        }

    def predict_ids(self, token_ids, padding_mask, entity_ids):
        encoded = {"token_ids": token_ids, "padding_mask": padding_mask, "entity_ids": entity_ids}
        return {"scores": self._scores(encoded)}

    def classify(self, inputs):
        scores = self._scores(self.preprocessor(tf.io.parse_example(inputs, _EXAMPLE)["text"]))
        classes = tf.broadcast_to(self.classes, tf.shape(scores))
        return {"classes": classes, "scores": scores}

    def embed_entities(self, entity):
        ids = self.entity_ids(entity)
        return {"embedding": self.model.triples.entities(ids), "known": ids >= 0}

    def _scores(self, encoded):
        scores = self.model.head.probabilities(self.model(encoded, training=False))
        if self.model.head.kind == "binary":
            scores = tf.concat([1.0 - scores, scores], axis=-1)
        return scores

    def _entities(self, text):
        if self.graph is None:
            return tf.fill([tf.shape(text)[0], self.model.max_mentions], "")
        return self.names(self.preprocessor.linked(text, self.model.max_mentions))


def _examples(texts):
    """Serialised `tf.Example`s of texts."""
    return np.array(
        [
            tf.train.Example(
                features=tf.train.Features(
                    feature={
                        "text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[t.encode()]))
                    }
                )
            ).SerializeToString()
            for t in texts
        ],
        dtype=object,
    )
