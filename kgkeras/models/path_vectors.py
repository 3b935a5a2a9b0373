"""Vectors of entities beside a `PathPredictor`'s paths."""

import keras
import numpy as np

from kgkeras.checks import describe
from kgkeras.layers import FusedEntityEmbedding, RelationEmbedding, TripleEmbedding
from kgkeras.models.link_predictor import check_sizes


class PathVectors(keras.layers.Layer):
    """Scores of all entities as answers to queries, by vectors.

    Args:
        triples: `layers.TripleEmbedding`.
        scorer: A `scorers.Scorer`.

    Call arguments:
        head: Int32 tensor `(queries,)`.
        relation: Int32 tensor `(queries,)`.

    Returns:
        Float tensor `(queries, num_entities)`.
    """

    def __init__(self, triples, scorer, **kwargs):
        super().__init__(**kwargs)
        self.triples, self.scorer = triples, scorer

    def build(self, head_shape, relation_shape=None):
        if not self.triples.built:
            self.triples.build(head_shape, relation_shape, head_shape)

    def call(self, head, relation, training=None):
        triples = self.triples.encoded(training)
        return self.scorer.score_tails(
            triples.entities(head, training=training),
            triples.relations(relation, training=training),
            triples.entities.vectors(training=training),
        )

    def compute_output_spec(self, head, relation, training=None):
        shape = head.shape[0], self.triples.entities.num_entities
        return keras.KerasTensor(shape, dtype=self.compute_dtype)


def text_triples(graph, text_vectors, dim, scorer, *, text_dropout, dtype):
    """A new `TripleEmbedding` of vectors of length `dim`, made of texts' vectors alone."""
    entities = FusedEntityEmbedding(
        graph.num_entities,
        dim,
        text_vectors,
        text_dropout=text_dropout,
        dtype=dtype,
        name="entities",
    )
    relations = RelationEmbedding(
        2 * graph.num_relations,
        scorer.relation_dim(dim),
        initializer=scorer.relation_initializer() or "glorot_uniform",
        dtype=dtype,
        name="relations",
    )
    return TripleEmbedding(entities, relations, name="texts")


def texts_about(triples, num_entities, text_vectors):
    """`triples` about other entities, with nothing learned; None where there are none."""
    if triples is None:
        if text_vectors is not None:
            raise ValueError("`text_vectors` are of no use to a model of paths alone.")
        return None
    entities = triples.entities
    if not isinstance(entities, FusedEntityEmbedding) or entities.fusion is not None:
        raise ValueError(
            "Only vectors made of texts alone can be had of new entities: `triples.entities` must "
            f"be a FusedEntityEmbedding without a fusion. {describe(entities)}."
        )
    wanted, shape = (num_entities, entities.text_dim), np.shape(text_vectors)
    if shape != wanted:
        raise ValueError(f"`text_vectors` must have the shape {wanted}. Received: shape {shape}.")
    config = {**entities.get_config(), "num_entities": num_entities}
    entities = FusedEntityEmbedding.from_config({**config, "text_vectors": text_vectors})
    return TripleEmbedding(entities, again(triples.relations), name=triples.name)


def again(part):
    """A new object of the same configuration; None where there is none."""
    return part and type(part).from_config(part.get_config())


def check_triples(facts, triples, scorer):
    """Raises a `ValueError` unless vectors and scorer fit each other and a graph's facts."""
    check_sizes(triples, scorer, reciprocal=True)
    wanted = facts.num_entities, 2 * facts.num_relations
    found = triples.entities.num_entities, triples.relations.num_relations
    if wanted != found:
        raise ValueError(
            f"`triples` must be of {wanted[0]} entities and {wanted[1]} relations, inverse ones "
            f"included, as `encoder` is. Received: {found[0]} and {found[1]}."
        )
