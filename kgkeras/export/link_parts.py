"""What exported link predictors have in common: names in, names and scores out."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import describe, positive_int
from kgkeras.export.endpoint import Endpoint
from kgkeras.export.entity_names import EntityNames, check_identifiers, strings
from kgkeras.export.example_endpoint import example_endpoint
from kgkeras.export.known_answers import KnownAnswers
from kgkeras.text import CachedEncoder, StringList, StringTable

# Stands for "no score": below every other, and unlike minus infinity it is legal JSON.
NO_SCORE = float(np.finfo("float32").min)
# How many facts around an entity are told, of those with it as head and as tail.
_NEIGHBOURS = 12


def check_answers(model, k, known):
    """Raises a `ValueError` unless there are names, `k` entities, and a graph that fits."""
    vocabulary = _checked_vocabulary(model)
    if positive_int("k", k) > model.num_entities:
        raise ValueError(f"`k` must be at most {model.num_entities}, the entities. {describe(k)}.")
    if known is not None:
        _check_same(known, vocabulary)


def check_encoder(encoder):
    """Raises a `ValueError` if an encoder knows certain texts only."""
    if isinstance(encoder, CachedEncoder):
        raise ValueError(
            "The model must encode any text, not only those that a CachedEncoder holds. One of the "
            "whole encoder can, but reads a query's two texts in all layers together, not in the "
            f"upper ones alone, as it was trained to. Received: {encoder.name!r}."
        )


def endpoint_of_names(name, function, samples, inputs):
    """A signature that takes strings, those of the dict `samples` that are listed in `inputs`."""
    warmup = {key: samples[key] for key in inputs}
    return Endpoint(name, function, [strings(key) for key in inputs], warmup)


class LinkParts:
    """The functions behind the signatures, and what they look names up in.

    Args:
        model: Gives the scores: a `models.LinkPredictor` without an encoder, a
            `models.PathPredictor` or a `models.TextIndex`.
        vocabulary: `models.Vocabulary`.
        k: Number of answers.
        known: `kg.KnowledgeGraph` whose facts are left out of the answers, or None.
        embedding: Function from int32 ids to vectors `(batch, dim)`, zeros for -1; None where
            entities have no vectors.
        by_product: Whether many queries are scored in one matrix product.
    """

    def __init__(self, model, vocabulary, k, known, *, embedding=None, by_product=False):
        self.model, self.k = model, k
        self.embedding, self.by_product = embedding, by_product
        self.vocabulary = vocabulary
        self.entities = EntityNames(vocabulary)
        self.identifiers = StringList(vocabulary.entities, "entity_identifiers")
        relations = (relation.encode() for relation in vocabulary.relations)
        self.relation_ids = StringTable(relations, range(len(vocabulary.relations)), "relations")
        self.tracked = [*self.entities.tracked, self.identifiers, self.relation_ids]
        filtered = known is not None and known.num_triples > 0
        self.known_tails = KnownAnswers(known, "tail") if filtered else None
        self.known_heads = KnownAnswers(known, "head") if filtered else None
        if filtered:
            self.relations = StringList(vocabulary.relations, "relation_identifiers")
            self.tracked.append(self.relations)

    def endpoints(self):
        """The signatures, warmed up by the first entities and relations."""
        entities, relations = _samples(self.vocabulary)
        samples = {"head": entities, "relation": relations, "tail": entities}

        def endpoint(name, *inputs):
            return endpoint_of_names(name, getattr(self, name), samples, inputs)

        endpoints = [
            endpoint("top_tails", "head", "relation"),
            endpoint("top_heads", "relation", "tail"),
            endpoint("score", "head", "relation", "tail"),
            example_endpoint("regress", self.regress, samples),
        ]
        if self.known_tails is not None:
            endpoints.append(Endpoint("neighbours", self.neighbours, [strings("entity")]))
        if self.embedding is not None:
            endpoints.append(self.entities.embed_endpoint(self.embedding))
        return endpoints

    def top_tails(self, head, relation):
        (head, relation), known = found(self.entities.ids(head), self.relation_ids(relation))
        scores = self._scores(self.model.score_tails, head, relation)
        if self.known_tails is not None:
            scores = self.known_tails.leave_out(scores, head, relation)
        return self.best("tails", scores, known)

    def top_heads(self, relation, tail):
        (relation, tail), known = found(self.relation_ids(relation), self.entities.ids(tail))
        scores = self._scores(
            lambda relation, tail: self.model.score_heads(None, relation, tail), relation, tail
        )
        if self.known_heads is not None:
            scores = self.known_heads.leave_out(scores, tail, relation)
        return self.best("heads", scores, known)

    def score(self, head, relation, tail):
        ids, known = found(
            self.entities.ids(head), self.relation_ids(relation), self.entities.ids(tail)
        )
        # What a model leaves out has minus infinity, which JSON cannot tell.
        scores = tf.maximum(self._scores_of(*ids), NO_SCORE)
        return {"score": tf.where(known, scores, NO_SCORE), "known": known}

    def regress(self, head, relation, tail):
        return {"outputs": self.score(head, relation, tail)["score"]}

    def neighbours(self, entity):
        ids = self.entities.ids(entity)
        known = ids >= 0
        sides = [
            facts.around(tf.maximum(ids, 0), _NEIGHBOURS)
            for facts in (self.known_tails, self.known_heads)
        ]
        relations, ends = (
            tf.where(known[:, tf.newaxis], tf.concat(parts, axis=1), -1)
            for parts in zip(*sides, strict=True)
        )
        inverse = tf.range(2 * _NEIGHBOURS) >= _NEIGHBOURS
        return {
            "relations": self.relations(relations),
            "entities": self.identifiers(ends),
            "names": self.entities.names(ends),
            "inverse": (ends >= 0) & inverse,
            "name": self.entities.names(ids),
            "known": known,
        }

    def _scores(self, score, *ids):
        """Scores `(batch, entities)` of queries with every entity.

        One matrix product where the scorer takes one. Others hold all candidates' vectors or
        states for each query, so there it is one query at a time, and memory does not grow with
        the batch.
        """
        if self.by_product:
            return score(*ids)
        return tf.map_fn(
            lambda query: score(*(tf.expand_dims(i, 0) for i in query))[0],
            ids,
            parallel_iterations=1,
            fn_output_signature=tf.TensorSpec([self.model.num_entities], tf.float32),
        )

    def _scores_of(self, *ids):
        """Scores `(batch,)` of triples; one at a time where each takes all entities' states."""
        if self.by_product or not getattr(self.model, "scores_all", False):
            return self.model.score(*ids)
        return tf.map_fn(
            lambda triple: self.model.score(*(tf.expand_dims(i, 0) for i in triple))[0],
            ids,
            parallel_iterations=1,
            fn_output_signature=tf.TensorSpec([], tf.float32),
        )

    def best(self, kind, scores, known):
        """The best of all entities by scores `(batch, entities)`; none where not `known`."""
        best = tf.math.top_k(scores, self.k)
        # What is left out has minus infinity.
        answers = known[:, tf.newaxis] & (best.values > -np.inf)
        ids = tf.where(answers, best.indices, -1)
        return {
            kind: self.identifiers(ids),
            "names": self.entities.names(ids),
            "scores": tf.where(answers, best.values, NO_SCORE),
            "known": known,
        }


def found(*ids):
    """Ids that can be looked up, and a bool `(batch,)`: whether all of a row's are known."""
    ids = tf.stack(ids)  # Refuses inputs of unequal length.
    return tf.unstack(tf.maximum(ids, 0)), tf.reduce_all(ids >= 0, axis=0)


def _checked_vocabulary(model):
    vocabulary = model.vocabulary
    if vocabulary is None:
        raise ValueError(
            "`model` must have a vocabulary, whose names requests and answers use: give it "
            "`vocabulary=`, or make it by `from_graph`. Received: a model without."
        )
    check_identifiers(vocabulary.entities, "entities")
    check_identifiers(vocabulary.relations, "relations")
    return vocabulary


def _check_same(graph, vocabulary):
    for field in ("entities", "relations"):
        wanted, found = getattr(vocabulary, field), getattr(graph, field)
        if wanted != found:
            raise ValueError(
                f"`known` must have the {len(wanted)} {field} of the model, in the same order. "
                f"Received: a graph of {len(found)}."
            )


def _samples(vocabulary, count=8):
    """Names of entities and of relations, `count` of each."""
    return tuple(
        np.resize(np.array(names[:count], dtype=object), count)
        for names in (vocabulary.entities, vocabulary.relations)
    )
