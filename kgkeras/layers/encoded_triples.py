"""Looks up vectors in what an encoder has made of two tables."""


class EncodedTriples:
    """What `TripleEmbedding.encoded` returns where there is an encoder.

    Dropout, dtype and messages are those of the tables.

    Args:
        triples: The `TripleEmbedding`.
        entities: Float tensor `(num_entities, dim)`.
        relations: Float tensor `(num_relations, relation_dim)`.
    """

    def __init__(self, triples, entities, relations):
        self.entities = _Encoded(triples.entities, entities)
        self.relations = _Encoded(triples.relations, relations)


class _Encoded:
    """A matrix with the look-ups of a table."""

    def __init__(self, layer, table):
        self._layer, self.table = layer, table

    def __call__(self, ids, training=None):
        return self._layer.rows_of(self.table, ids, training)

    def vectors(self, training=None):
        """All vectors in the order of their ids."""
        return self._layer.all_of(self.table, training)
