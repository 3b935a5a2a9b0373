"""Facts that nobody has told, and how plausible a model of the graph holds each of them."""

import keras
import numpy as np
import tensorflow as tf

from kgkeras.checks import describe, non_negative
from kgkeras.graph.fact_index import FactIndex
from kgkeras.kg.inverse import inverse_relation, with_inverses
from kgkeras.registration import serializable


@serializable
class SupposedFacts(keras.layers.Layer):
    """Gives each of some supposed facts a weight: `limit * sigmoid(score + trust * log(votes))`.

    A `graph.RelationWalk` goes along them as along told facts, which weigh 1. The score is that of
    a scorer on vectors of the graph's entities and relations; so what walks want of supposed facts
    teaches the vectors, and what the vectors know of the told facts decides between suppositions.
    How far votes are trusted is not learned: where they come of the very questions that are
    learned, those could only teach that each vote is right.

    Args:
        facts: `graph.FactIndex` of the supposed facts, inverses included.
        triples: `layers.TripleEmbedding` of the graph, without inverse relations.
        scorer: A `scorers.Scorer`.
        limit: The largest weight, in `(0, 1]`.
        trust: How much votes count beside the score; 0 for not at all.
        votes: Float array `(facts.num_facts,)` in the order of `facts`, positive: how much speaks
            for each beforehand, 1 for what is as likely as not. Not part of the configuration: a
            reloaded layer has its saved votes.

    Call arguments:
        entities: Integer tensor `(n,)` of ids.

    Returns:
        `(owner, relation, tail, weight)`, tensors `(facts found,)`: which of the `n` the fact
        begins at, its relation and tail, and its weight.

    Raises:
        ValueError: If an argument does not fit.
    """

    def __init__(self, facts, triples, scorer, limit=0.5, trust=2.0, votes=None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if not isinstance(facts, FactIndex):
            raise ValueError(f"`facts` must be a graph.FactIndex. {describe(facts)}.")
        if not hasattr(triples, "relations"):
            raise ValueError(f"`triples` must be a layers.TripleEmbedding. {describe(triples)}.")
        if not 0 < limit <= 1:
            raise ValueError(f"`limit` must be above 0 and at most 1. Received: {limit}.")
        self.trust = non_negative("trust", trust)
        if 2 * triples.relations.num_relations != facts.num_relations:
            raise ValueError(
                f"`facts` must have {2 * triples.relations.num_relations} relations, those of "
                f"`triples` and their inverses. Received: {facts.num_relations}."
            )
        self.facts, self.triples, self.scorer, self.limit = facts, triples, scorer, float(limit)
        self._votes = None if votes is None else self._checked(votes)
        self.supports_jit = False
        self.build()

    @classmethod
    def from_graph(cls, graph, triples, scorer, votes, *, one_way=None, **kwargs):
        """Makes the layer of the facts of a `kg.KnowledgeGraph` without inverses.

        Args:
            graph: The supposed facts, each once.
            triples: As for the class.
            scorer: As for the class.
            votes: Float array `(facts,)`, in the order of `graph.triples`.
            one_way: Bool array `(facts,)`: which of them are walked from head to tail alone, such
                as those of which thousands lead to one tail; None for none.
            **kwargs: As for the class.
        """
        both = with_inverses(graph).triples
        order = np.lexsort((both[:, 2], both[:, 1], both[:, 0]))
        if one_way is not None:
            inverse = np.arange(len(both)) >= graph.num_triples
            order = order[~(np.tile(one_way, 2) & inverse)[order]]
        facts = FactIndex(
            graph.num_entities, 2 * graph.num_relations, len(order), both[order], name="facts"
        )
        return cls(facts, triples, scorer, votes=np.tile(votes, 2)[order], **kwargs)

    def build(self, input_shape=None):
        if not self.triples.built:
            self.triples.build()
        self.log_votes = self.add_weight(
            name="log_votes",
            shape=(self.facts.num_facts,),
            initializer="zeros",
            trainable=False,
        )
        if self._votes is not None:
            self.log_votes.assign(np.log(self._votes))
        self._votes = None  # The variable has them now.
        self.built = True

    def call(self, entities):
        owner, place, head, relation, tail = self.facts.find(entities)
        inverse = relation >= self.triples.relations.num_relations
        first, last = tf.where(inverse, tail, head), tf.where(inverse, head, tail)
        told = tf.where(
            inverse, inverse_relation(relation, self.triples.relations.num_relations), relation
        )
        score = tf.cast(self.scorer(*self.triples(first, told, last)), "float32")
        logit = score + self.trust * tf.gather(self.log_votes.value, place)
        return owner, relation, tail, self.limit * tf.sigmoid(logit)

    def _checked(self, votes):
        votes = np.asarray(votes, "float32")
        if votes.shape != (self.facts.num_facts,) or not (votes > 0).all():
            raise ValueError(
                f"`votes` must be {self.facts.num_facts} positive numbers, one for each fact. "
                f"Received: shape {votes.shape}, smallest {votes.min(initial=np.inf)}."
            )
        return votes

    def get_config(self):
        parts = {"facts": self.facts, "triples": self.triples, "scorer": self.scorer}
        return {
            **super().get_config(),
            **{name: keras.saving.serialize_keras_object(part) for name, part in parts.items()},
            "limit": self.limit,
            "trust": self.trust,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("facts", "triples", "scorer"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)
