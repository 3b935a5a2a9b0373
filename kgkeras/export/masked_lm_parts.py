"""The functions behind the signatures of an exported masked language model."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import describe
from kgkeras.export.entity_names import EntityNames
from kgkeras.export.link_parts import NO_SCORE, endpoint_of_names, found
from kgkeras.layers import DescribedTriples
from kgkeras.models import Vocabulary
from kgkeras.pipelines import join_sentences
from kgkeras.text import Preprocessor, StringList, StringTable, WordPieceTokenizer

_MASK = "[MASK]"


class MaskedLMParts:
    """What a masked language model answers, and what it looks names up in.

    Args:
        model: `models.KnowledgeMaskedLM`.
        preprocessor: `text.Preprocessor` it was trained with.
        graph: `kg.KnowledgeGraph` it was trained with, or None.
        k: Number of answers for each mask.
        max_masks: Most masks of a text.
    """

    def __init__(self, model, preprocessor, graph, k, max_masks):
        self.model, self.k, self.max_masks = model, k, max_masks
        self.preprocessor = _with_mask(preprocessor)
        tokenizer = self.preprocessor.tokenizer
        self.mask_id, self.pad_id = tokenizer.mask_id, tokenizer.pad_id
        self.tokens = StringList(tokenizer.tokens, "tokens")
        self.tracked = [self.preprocessor, self.tokens]
        self.vocabulary = self.entities = None
        self.described = isinstance(model.triples, DescribedTriples)
        if graph is not None:
            self.vocabulary = Vocabulary.from_graph(graph)
            self.entities = EntityNames(self.vocabulary)
            relations = (relation.encode() for relation in graph.relations)
            self.relation_ids = StringTable(relations, range(graph.num_relations), "relations")
            self.tracked += [*self.entities.tracked, self.relation_ids]

    def endpoints(self, texts):
        """The signatures, warmed up by `texts`."""
        texts = np.array(texts, object)
        samples = {"text": texts, "first": texts, "second": texts}
        if self.vocabulary is not None:
            samples |= self._samples(texts)

        def endpoint(name, *inputs):
            return endpoint_of_names(name, getattr(self, name), samples, inputs)

        endpoints = [endpoint("fill_mask", "text")]
        if self.model.next_sentence:
            endpoints.append(endpoint("next_sentence", "first", "second"))
        if self.described:
            endpoints.append(endpoint("embed_text", "text"))
        elif self.entities is not None:
            endpoints.append(self.entities.embed_endpoint(self.model.triples.entities))
        if self.vocabulary is not None:
            endpoints.append(endpoint("score", "head", "relation", "tail"))
        return endpoints

    def fill_mask(self, text):
        encoded = self.preprocessor(text)
        masked = encoded["token_ids"] == self.mask_id
        places = tf.ragged.boolean_mask(
            tf.broadcast_to(tf.range(tf.shape(masked)[1]), tf.shape(masked)), masked
        )
        places = places.to_tensor(-1, shape=(None, self.max_masks))
        outputs = self._outputs(encoded, places)
        told = dict(
            zip(
                ("tokens", "scores"),
                self._best(outputs["tokens"], places, self.tokens),
                strict=True,
            )
        )
        if "entities" in outputs:
            vectors = self.model.triples.entities.vectors()
            logits = tf.matmul(outputs["entities"], vectors, transpose_b=True)
            names = self._best(logits, places, self.entities.names)
            told |= dict(zip(("entity_answers", "entity_scores"), names, strict=True))
        if self.entities is not None:
            linked = self.preprocessor.linked(text, self.model.max_mentions)
            told["entities"] = self.entities.names(linked)
        return told

    def next_sentence(self, first, second):
        fills = {"token_ids": self.pad_id, "padding_mask": False, "entity_ids": -1}
        pairs = join_sentences(self.preprocessor(first), self.preprocessor(second), fills)
        nowhere = tf.fill([tf.shape(first)[0], 1], -1)
        logits = self._outputs(pairs, nowhere)["next_sentence"]
        return {"score": tf.sigmoid(logits[:, 0])}

    def embed_text(self, text):
        return {"embedding": self._described(text)}

    def score(self, head, relation, tail):
        relation = self.relation_ids(relation)
        if self.described:
            known = relation >= 0
            ends = self._described(head), self._described(tail)
            relation = tf.maximum(relation, 0)
        else:
            ids, known = found(self.entities.ids(head), relation, self.entities.ids(tail))
            ends = [self.model.triples.entities(ids[i]) for i in (0, 2)]
            relation = ids[1]
        scores = self.model.scorer(ends[0], self.model.triples.relations(relation), ends[1])
        return {"score": tf.where(known, tf.cast(scores, tf.float32), NO_SCORE), "known": known}

    def _outputs(self, encoded, places):
        places = tf.maximum(places, 0)
        inputs = {
            "segment_ids": tf.zeros_like(encoded["token_ids"]),
            **encoded,
            "mask_positions": places,
            "entity_positions": places,
        }
        return self.model({name: inputs[name] for name in self.model.input}, training=False)

    def _best(self, logits, places, names):
        """Names and probabilities of the best of each place, `(batch, max_masks, k)`."""
        probabilities = tf.nn.softmax(tf.cast(logits, tf.float32))
        best = tf.math.top_k(probabilities, min(self.k, logits.shape[-1]))
        there = places[:, :, tf.newaxis] >= 0
        return names(tf.where(there, best.indices, -1)), tf.where(there, best.values, 0.0)

    def _described(self, text):
        encoded = self.preprocessor(text)
        vectors = self.model.describe(encoded["token_ids"], encoded["padding_mask"])
        return tf.cast(vectors, tf.float32)

    def _samples(self, texts):
        """Sample triples, as many as texts."""
        names = {"relation": self.vocabulary.relations}
        names |= dict.fromkeys(("head", "tail"), self.vocabulary.entities)
        samples = {name: np.resize(np.array(v, object), len(texts)) for name, v in names.items()}
        return {**samples, "head": texts, "tail": texts} if self.described else samples


def _with_mask(preprocessor):
    """One that keeps `[MASK]` whole in texts."""
    tokenizer = preprocessor.tokenizer
    if tokenizer.mask_id is None:
        raise ValueError(
            f"`preprocessor` must have a tokenizer with {_MASK!r}. {describe(tokenizer)}."
        )
    if _MASK in tokenizer.markers:
        return preprocessor
    config = tokenizer.get_config()
    config["markers"] = [*tokenizer.markers, _MASK]
    tokenizer = WordPieceTokenizer.from_pieces(tokenizer.vocabulary, **config)
    return Preprocessor(
        tokenizer, preprocessor.linker, preprocessor.sequence_length, preprocessor.marked_only
    )
