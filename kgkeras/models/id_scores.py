"""Scores of triples and queries of ids."""

from keras import ops

from kgkeras.kg.inverse import inverse_relation
from kgkeras.models.encoded_tables import with_tables


class IdScores:
    """The part of a link predictor that speaks in ids.

    What it is mixed into has `triples`, `scorer`, `reciprocal` and `num_relations`. With an
    encoder, each method encodes the graph once; for more than a few questions, ask `as_tables()`.
    """

    def score(self, head, relation, tail):
        """Scores of triples of ids, integer tensors that broadcast: float32 of their shape."""
        vectors = self.triples(*(ops.convert_to_tensor(ids) for ids in (head, relation, tail)))
        return ops.cast(self.scorer(*vectors), "float32")

    def score_tails(self, head, relation, candidates=None):
        """Scores of queries `(head, relation, ?)`.

        Args:
            head: Entity ids `(queries,)`.
            relation: Relation ids `(queries,)`, inverse ones included.
            candidates: Entity ids `(candidates,)`; all entities where None.

        Returns:
            Float32 tensor `(queries, candidates)`.
        """
        triples = self.triples.encoded()
        head, relation = triples.entities(head), triples.relations(relation)
        scores = self.scorer.score_tails(head, relation, _vectors(triples, candidates))
        return ops.cast(scores, "float32")

    def score_heads(self, candidates, relation, tail):
        """Scores of queries `(?, relation, tail)`; otherwise as `score_tails`."""
        if self.reciprocal:
            inverse = inverse_relation(relation, self.num_relations)
            return self.score_tails(tail, inverse, candidates)
        triples = self.triples.encoded()
        relation, tail = triples.relations(relation), triples.entities(tail)
        scores = self.scorer.score_heads(_vectors(triples, candidates), relation, tail)
        return ops.cast(scores, "float32")

    def score_relations(self, head, tail):
        """Scores `(queries, num_relations)` of every relation between heads and tails."""
        triples = self.triples.encoded()
        head, tail = triples.entities(head), triples.entities(tail)
        relations = triples.relations.vectors()[: self.num_relations]
        return ops.cast(self.scorer.score_relations(head, relations, tail), "float32")

    @property
    def by_product(self):
        """Whether many queries are scored in one matrix product."""
        return self.scorer.by_product

    @property
    def bytes_per_score(self):
        """Memory that scoring one candidate for one query takes, about."""
        return 4 if self.by_product else 8 * self.triples.dim

    def entity_vectors(self):
        """NumPy array `(num_entities, dim)`."""
        return _numpy(self.triples.encoded().entities.table)

    def relation_vectors(self):
        """NumPy array; the inverse relations, if any, are its second half."""
        return _numpy(self.triples.encoded().relations.table)

    def as_tables(self, into=None):
        """A model with the same answers that has plain tables in place of an encoder.

        The encoder of this model runs once, here. `evaluation` and `export` work on the tables,
        so that ranking does not encode the graph for every block of queries, and what is exported
        needs no graph.

        Args:
            into: What `as_tables` of this model has returned before, to be brought up to date;
                None for a new model.

        Returns:
            A `LinkPredictor` of its own; the model itself where it has no encoder.
        """
        return with_tables(self, into)


def _vectors(triples, candidates):
    entities = triples.entities
    return entities.vectors() if candidates is None else entities(candidates)


def _numpy(table):
    return ops.convert_to_numpy(ops.cast(table, "float32"))
