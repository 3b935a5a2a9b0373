"""What exported models of texts have in common: a text in, a label and the entities found out."""

import numpy as np
import tensorflow as tf

from kgkeras.export.card import model_card
from kgkeras.export.encoded_endpoint import encoded_endpoint
from kgkeras.export.endpoint import Endpoint
from kgkeras.export.entity_names import EntityNames, strings
from kgkeras.export.example_endpoint import example_endpoint
from kgkeras.export.words_read import words_read
from kgkeras.models import Vocabulary


def check_classes(head, classes):
    """Raises a `ValueError` unless there is a name for each of a head's classes."""
    wanted = 2 if head.kind == "binary" else head.num_classes
    if len(classes) != wanted:
        raise ValueError(f"`classes` must hold {wanted} names. Received: {tuple(classes)}.")


def card_of_texts(card, model, preprocessor, graph, classes):
    """The card of a model of texts; `graph` may be None."""
    sizes = {"tokens": preprocessor.tokenizer.vocabulary_size, "classes": len(classes)}
    if graph is not None:
        sizes |= {"entities": graph.num_entities, "relations": graph.num_relations}
    return model_card(card, model, sizes)


class TextParts:
    """The functions behind the signatures, and what they look names up in.

    Args:
        model: A model of encoded texts whose head has `probabilities`.
        preprocessor: The `kgkeras.text.Preprocessor` it was trained with.
        graph: The `kgkeras.kg.KnowledgeGraph` of its entities, or None.
        classes: Names of the classes.
        extended: Function of the encoded texts that adds further inputs of the model; None for
            none.
    """

    def __init__(self, model, preprocessor, graph, classes, extended=None):
        self.model = model
        self.extended = extended
        self.preprocessor = preprocessor
        self.classes = tf.constant(list(classes))
        self.tracked = [preprocessor]
        self.entities = self.weights = None
        if graph is not None:
            if hasattr(model, "fusion_weights") and model.fusion.weighs:
                self.weights = model.fusion_weights()
            self.entities = EntityNames(Vocabulary.from_graph(graph))
            self.tracked += self.entities.tracked

    def endpoints(self, samples):
        """The signatures, warmed up by the texts `samples`."""
        texts = np.array(list(samples), dtype=object)
        endpoints = [
            Endpoint("predict", self.predict, [strings("text")], {"text": texts}),
            encoded_endpoint("predict_ids", self.predict_ids, self.preprocessor, texts),
            example_endpoint("classify", self.classify, {"text": texts}),
        ]
        if self.model.head.kind == "binary":
            endpoints.append(example_endpoint("regress", self.regress, {"text": texts}))
        if self.entities is not None:
            endpoints.append(Endpoint("explain", self.explain, [strings("text")]))
            endpoints.append(self.entities.embed_endpoint(self.model.triples.entities))
        return endpoints

    def predict(self, text):
        encoded = self.preprocessor(text)
        scores = self._scores(encoded)
        best = tf.argmax(scores, axis=-1)
        return {
            "label": tf.gather(self.classes, best),
            "score": tf.reduce_max(scores, axis=-1),
            "entities": self._mentioned(text, encoded),
        }

    def predict_ids(self, **encoded):
        return {"scores": self._scores(encoded)}

    def classify(self, text):
        scores = self._scores(self.preprocessor(text))
        classes = tf.broadcast_to(self.classes, tf.shape(scores))
        return {"classes": classes, "scores": scores}

    def regress(self, text):
        return {"outputs": self._scores(self.preprocessor(text))[:, -1]}

    def explain(self, text):
        weights = None
        if self.weights is not None:
            weights = self.weights(self.preprocessor(text), training=False)
        return words_read(self.preprocessor, self.entities.names, text, weights)

    def _scores(self, encoded):
        if self.extended is not None:
            encoded = self.extended(encoded)
        scores = self.model.head.probabilities(self.model(encoded, training=False))
        if self.model.head.kind == "binary":
            scores = tf.concat([1.0 - scores, scores], axis=-1)
        return scores

    def _mentioned(self, text, encoded):
        marked = getattr(self.model, "marked_entities", None)
        if self.entities is None:
            width = self.model.max_mentions if marked is None else len(self.model.marks) // 2
            return tf.fill([tf.shape(text)[0], width], "")
        if marked is not None:
            return self.entities.names(marked(encoded))
        return self.entities.names(self.preprocessor.linked(text, self.model.max_mentions))
