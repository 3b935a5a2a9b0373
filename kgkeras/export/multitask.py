"""Exports a model of several tasks: a signature each, strings in, names out."""

import types

import numpy as np
import tensorflow as tf

from kgkeras.checks import describe
from kgkeras.export.card import model_card
from kgkeras.export.endpoint import Endpoint
from kgkeras.export.entity_names import EntityNames, strings
from kgkeras.export.link_parts import LinkParts, check_answers
from kgkeras.export.masked_lm_parts import MaskedLMParts
from kgkeras.export.text_parts import check_classes
from kgkeras.export.writer import write_saved_model
from kgkeras.layers import AnswerHead, ClassHead, HiddenTokenHead, TripleHead
from kgkeras.models import LinkPredictor, Vocabulary

_SAMPLE = "warm"


def export_multitask_model(
    model, preprocessor, graph, base, *, classes=None, k=5, samples=None, card=None, version=None
):
    """Writes a `MultiTaskModel` as a SavedModel with a signature for each of its tasks.

    Each has the task's name, the first one also answers as `serving_default`. By the head:

    - `ClassHead`: `text` string; gives `label` string, `score` float32, its probability, and
      `scores` float32 `(batch, classes)`.
    - `AnswerHead`: `text` string; gives `answers` string `(batch, k)`, identifiers of entities,
      their `names`, and `scores` float32, as likely as each is among all entities.
    - `HiddenTokenHead`: `text` string with `[MASK]`s; gives `tokens` string and `scores` float32,
      each `(batch, masks, k)`, as of `export_masked_lm`.
    - `TripleHead`: `head` and `relation` string; gives `tails`, `names`, `scores` and `known`, as
      `top_tails` of `export_link_predictor`.

    Args:
        model: A `kgkeras.models.MultiTaskModel` whose heads are of these classes.
        preprocessor: The `kgkeras.text.Preprocessor` it was trained with.
        graph: The `kgkeras.kg.KnowledgeGraph` it was trained with.
        base: Folder of the model's versions.
        classes: Dict from the name of each task with a `ClassHead` to the names of its classes.
        k: Number of answers.
        samples: Dict from the name of a task to typical texts: the server's warmup requests.
        card: As of `export_joint_model`.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: If a head is of another class, classes are missing or do not fit, or `k` is more
            than there are entities.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    classes = _checked_classes(model, classes or {})
    parts = _Parts(model, preprocessor, graph, classes, k)
    endpoints = [parts.endpoint(name, (samples or {}).get(name, [_SAMPLE])) for name in model.heads]
    sizes = {
        "tokens": preprocessor.tokenizer.vocabulary_size,
        "entities": graph.num_entities,
        "relations": graph.num_relations,
    }
    card = model_card(card, model, sizes)
    return write_saved_model(base, endpoints, tracked=parts.tracked, card=card, version=version)


def _checked_classes(model, classes):
    of_class = {name: head for name, head in model.heads.items() if isinstance(head, ClassHead)}
    if classes.keys() != of_class.keys():
        raise ValueError(
            f"`classes` must name the classes of the tasks {sorted(of_class)}. {describe(classes)}."
        )
    for name, head in of_class.items():
        check_classes(head.classifier, classes[name])
    return classes


class _Parts:
    """The functions behind the signatures, and what they look names up in."""

    def __init__(self, model, preprocessor, graph, classes, k):
        self.model, self.preprocessor, self.graph = model, preprocessor, graph
        self.classes, self.k = classes, k
        self.vocabulary = Vocabulary.from_graph(graph)
        self.tracked = [preprocessor]

    def endpoint(self, name, texts):
        """The signature of a task."""
        head = self.model.heads[name]
        for kind, make in (
            (ClassHead, self._class),
            (AnswerHead, self._answer),
            (HiddenTokenHead, self._hidden_tokens),
        ):
            if isinstance(head, kind):
                warmup = {"text": np.array(list(texts), dtype=object)}
                return Endpoint(name, make(name, head), [strings("text")], warmup)
        if isinstance(head, TripleHead):
            return self._triples(name, head)
        raise ValueError(
            f"The head of {name!r} must be a ClassHead, an AnswerHead, a HiddenTokenHead or a "
            f"TripleHead, or the model be written by `write_saved_model`. {describe(head)}."
        )

    def _encoded(self, text):
        encoded = self.preprocessor(text)
        return {name: encoded[name] for name in self.model.text_inputs}

    def _class(self, name, head):
        task, classes = self.model.task_model(name), tf.constant(list(self.classes[name]))

        def answer(text):
            scores = head.classifier.probabilities(task(self._encoded(text), training=False))
            if head.classifier.kind == "binary":
                scores = tf.concat([1.0 - scores, scores], axis=-1)
            label = tf.gather(classes, tf.argmax(scores, axis=-1))
            return {"label": label, "score": tf.reduce_max(scores, axis=-1), "scores": scores}

        return answer

    def _answer(self, name, head):
        task, entities = self.model.task_model(name), self._entities()
        parts = self._link_parts(head)

        def answer(text):
            scores = tf.nn.softmax(task(self._encoded(text), training=False))
            found = parts.best("answers", scores, tf.ones(tf.shape(text), tf.bool))
            linked = self.preprocessor.linked(text, head.max_mentions)
            named = {key: found[key] for key in ("answers", "names", "scores")}
            return {**named, "entities": entities.names(linked)}

        return answer

    def _hidden_tokens(self, name, head):
        task = self.model.task_model(name)

        class Language:
            """What `MaskedLMParts` asks of a masked language model."""

            input, triples = task.input, None

            def __call__(self, inputs, training=False):
                return {"tokens": task(inputs, training=training)}

        parts = MaskedLMParts(Language(), self.preprocessor, None, self.k, max_masks=8)
        self.tracked += parts.tracked
        return parts.fill_mask

    def _triples(self, name, head):
        parts = self._link_parts(head)
        entities, relations = self.vocabulary.entities, self.vocabulary.relations
        size = min(8, len(entities), len(relations))
        warmup = {
            "head": np.array(entities[:size], dtype=object),
            "relation": np.array(relations[:size], dtype=object),
        }
        return Endpoint(name, parts.top_tails, [strings("head"), strings("relation")], warmup)

    def _entities(self):
        entities = EntityNames(self.vocabulary)
        self.tracked += entities.tracked
        return entities

    def _link_parts(self, head):
        scorer = head.scorer
        if scorer is None:  # words alone: nothing is scored here, names are looked up
            predictor = types.SimpleNamespace(num_entities=len(self.vocabulary.entities))
        else:
            predictor = LinkPredictor(
                head.triples, scorer, reciprocal=False, vocabulary=self.vocabulary
            )
            check_answers(predictor, self.k, None)
        parts = LinkParts(
            predictor,
            self.vocabulary,
            self.k,
            None,
            by_product=scorer is not None and scorer.by_product,
        )
        self.tracked += parts.tracked
        return parts
