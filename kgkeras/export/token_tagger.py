"""Exports a tagger: a text in, the names in it out, with their types."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.export.encoded_endpoint import encoded_endpoint
from kgkeras.export.endpoint import Endpoint
from kgkeras.export.entity_names import EntityNames, strings
from kgkeras.export.text_parts import card_of_texts
from kgkeras.export.words_read import words_read
from kgkeras.export.writer import write_saved_model
from kgkeras.models import Vocabulary
from kgkeras.ops import tag_spans
from kgkeras.text import best_tags


def export_token_tagger(
    model,
    preprocessor,
    graph,
    classes,
    base,
    *,
    max_spans=16,
    samples=("warm",),
    card=None,
    version=None,
):
    """Writes a `TokenTagger` as a SavedModel that takes plain strings.

    Signatures, each over a batch:

    - `serving_default` (also `predict`): `text` string; gives the spans that the text names, each
      `(batch, max_spans)`, in order: `spans` string, as spelled, `types` string, `starts` and
      `ends` int32, offsets in bytes in the text, `scores` float32, the mean probability of the
      tags, and `entities` string, the name of the entity that the graph has, "" for none. "", -1
      and 0 fill up.
    - `predict_ids`: `token_ids` int32, `padding_mask` bool and `entity_ids` int32, each
      `(batch, tokens)`; gives `scores` float32 `(batch, tokens, tags)`: probabilities.
    - `explain` and `embed_entities`, with a graph: as of `export_joint_model`.

    Args:
        model: A `kgkeras.models.TokenTagger`.
        preprocessor: The `kgkeras.text.Preprocessor` it was trained with.
        graph: The `kgkeras.kg.KnowledgeGraph` it was trained with; None for a text-only model.
        classes: Names of the types of spans, such as `task.types`; the head has two tags for each,
            and one for no span.
        base: Folder of the model's versions.
        max_spans: Most spans of a text that are told.
        samples: Typical texts: the server's warmup requests.
        card: As of `export_joint_model`.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: If the number of classes is not that of the head's tags, or a graph is given
            with a text-only model or missing with another.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    if 2 * len(classes) + 1 != model.head.num_classes:
        raise ValueError(
            f"`classes` must name the types of the head's {model.head.num_classes} tags, two tags "
            f"each and one for none. Received: {tuple(classes)}."
        )
    if (graph is None) != (model.triples is None):
        raise ValueError(
            "`graph` must be given with a model of texts and a graph, and with no other. "
            f"Received: {graph!r} with triples={model.triples!r}."
        )
    card = card_of_texts(card, model, preprocessor, graph, classes)
    parts = _TagParts(model, preprocessor, graph, classes, positive_int("max_spans", max_spans))
    endpoints = parts.endpoints(np.array(list(samples), dtype=object))
    return write_saved_model(base, endpoints, tracked=parts.tracked, card=card, version=version)


class _TagParts:
    """The functions behind the signatures, and what they look names up in."""

    def __init__(self, model, preprocessor, graph, types, max_spans):
        self.model, self.preprocessor, self.max_spans = model, preprocessor, max_spans
        self.types = tf.constant([*types])
        self.tracked = [preprocessor]
        self.entities = self.weights = None
        if graph is not None:
            self.entities = EntityNames(Vocabulary.from_graph(graph))
            self.tracked += self.entities.tracked
            if model.fusion.weighs:
                self.weights = model.fusion_weights()

    def endpoints(self, samples):
        """The signatures, warmed up by the texts `samples`."""
        endpoints = [
            Endpoint("predict", self.predict, [strings("text")], {"text": samples}),
            encoded_endpoint("predict_ids", self.predict_ids, self.preprocessor, samples),
        ]
        if self.entities is not None:
            endpoints.append(Endpoint("explain", self.explain, [strings("text")]))
            endpoints.append(self.entities.embed_endpoint(self.model.triples.entities))
        return endpoints

    def predict(self, text):
        # As the preprocessor does, whose offsets are of what comes of this.
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        encoded, words = self.preprocessor(text), self.preprocessor.words(text)
        logits = self.model(encoded, training=False)
        probabilities = self.model.head.probabilities(logits)
        places = tf.pad(words["places"], [[0, 0], [1, 1]], constant_values=-1)  # of tokens
        before = tf.pad(places[:, :-1], [[0, 0], [1, 0]], constant_values=-1)
        first = (places >= 0) & tf.not_equal(places, before)
        tags = best_tags(logits, first)
        begin, types, behind = tag_spans(tf.maximum(tags, 0), first)
        # The last word of which a token comes before.
        inside = tf.range(tf.shape(places)[1]) < behind[:, :, None]  # (batch, tokens, tokens)
        last = tf.reduce_max(tf.where(inside, places[:, None], -1), axis=2)
        chances = tf.gather(probabilities, tf.maximum(tags, 0), batch_dims=2)
        columns = {
            "types": tf.gather(self.types, tf.maximum(types, 0)),
            "starts": _of_words(words["starts"], places),
            "ends": _of_words(words["ends"], last),
            "scores": _means(chances, first, behind),
        }
        if self.entities is not None:
            columns["entities"] = self.entities.names(encoded["entity_ids"])
        told = {name: self._rows(column, begin) for name, column in columns.items()}
        return {"spans": _spelled(text, told["starts"], told["ends"]), **told}

    def predict_ids(self, **encoded):
        logits = self.model(encoded, training=False)
        return {"scores": self.model.head.probabilities(logits)}

    def explain(self, text):
        weights = None
        if self.weights is not None:
            weights = self.weights(self.preprocessor(text), training=False)
        return words_read(self.preprocessor, self.entities.names, text, weights)

    def _rows(self, column, begin):
        """What a column says where spans begin: `(batch, max_spans)`."""
        fill = {tf.string: "", tf.int32: -1, tf.float32: 0.0}[column.dtype]
        rows = tf.ragged.boolean_mask(column, begin)
        return rows.to_tensor(fill, shape=[None, self.max_spans])


def _of_words(column, places):
    return tf.gather(column, tf.clip_by_value(places, 0, tf.shape(column)[1] - 1), batch_dims=1)


def _means(values, words, behind):
    """Means of the words' values, from each place to the one before `behind`."""
    words = tf.cast(words, tf.float32)
    totals, counts = (
        tf.pad(tf.cumsum(x, axis=1), [[0, 0], [1, 0]]) for x in (values * words, words)
    )
    spans = [tf.gather(x, behind, batch_dims=1) - x[:, :-1] for x in (totals, counts)]
    return spans[0] / tf.maximum(spans[1], 1.0)


def _spelled(text, starts, ends):
    """The bytes between offsets `(batch, n)`; "" for negative ones."""
    there = starts >= 0
    texts = tf.repeat(text[:, None], tf.shape(starts)[1], axis=1)
    starts = tf.where(there, starts, 0)
    return tf.strings.substr(texts, starts, tf.where(there, ends - starts, 0))
