"""Looks up the three vectors of a triple."""

import keras

from kgkeras.checks import describe
from kgkeras.layers.embeddings import EntityEmbedding, RelationEmbedding
from kgkeras.layers.encoded_triples import EncodedTriples
from kgkeras.ops.seeds import apart
from kgkeras.registration import serializable


@serializable
class TripleEmbedding(keras.layers.Layer):
    """Turns the ids of head, relation and tail into three vectors.

    Head and tail share one entity table. Text models look up in the same tables through the
    attributes `entities` and `relations`.

    With an encoder the vectors are not those of the tables but what it makes of them.

    Args:
        entities: An `EntityEmbedding`.
        relations: A `RelationEmbedding`.
        encoder: Layer from both tables, `(num_entities, dim)` and `(num_relations, dim)`, to two
            matrices of as many rows, such as `graph.GraphEncoder`; None for the tables as they
            are.

    Call arguments:
        head: Integer tensor of any shape; a negative id yields zeros.
        relation: Integer tensor of any shape.
        tail: Integer tensor of any shape.

    Returns:
        Tuple of three float tensors: `(*ids.shape, dim)` of head and tail,
        `(*ids.shape, relation_dim)` of the relation.

    Attributes:
        dim: Length of the vectors of head and tail.
        relation_dim: Length of the relation's vector.

    Raises:
        ValueError: If an argument is of another kind, or the encoder does not fit the tables.

    Example:
    ```python
    triples = TripleEmbedding.from_sizes(num_entities=100, num_relations=5, dim=64)
    head, relation, tail = triples(np.array([0]), np.array([1]), np.array([2]))
    ```
    """

    def __init__(self, entities, relations, encoder=None, **kwargs):
        super().__init__(**kwargs)
        for name, layer, kind in (
            ("entities", entities, EntityEmbedding),
            ("relations", relations, RelationEmbedding),
        ):
            if not isinstance(layer, kind):
                raise ValueError(
                    f"`{name}` must be a {kind.__name__} layer. Received: {layer!r} "
                    f"(type {type(layer).__name__})."
                )
        if encoder is not None and not isinstance(encoder, keras.layers.Layer):
            raise ValueError(f"`encoder` must be a Keras layer or None. {describe(encoder)}.")
        self.entities = entities
        self.relations = relations
        self.encoder = encoder
        shapes = self._shapes()
        if encoder is not None:
            shapes = encoder.compute_output_shape(*shapes)
        self.dim, self.relation_dim = (shape[-1] for shape in shapes)

    @classmethod
    def from_sizes(cls, num_entities, num_relations, dim, relation_dim=None, **kwargs):
        """Makes both tables; `kwargs` (dropout, initializer, trainable, dtype) go to each."""
        others = kwargs
        if "initializer" in kwargs:
            others = kwargs | {"initializer": apart(kwargs["initializer"])}
        return cls(
            EntityEmbedding(num_entities, dim, name="entities", **kwargs),
            RelationEmbedding(num_relations, relation_dim or dim, name="relations", **others),
            name="triples",
        )

    def build(self, *input_shapes):
        for table in (self.entities, self.relations):
            if not table.built:
                table.build(None)
        if self.encoder is not None and not self.encoder.built:
            self.encoder.build(*self._shapes())

    def call(self, head, relation, tail, training=None):
        triples = self.encoded(training)
        return (
            triples.entities(head, training=training),
            triples.relations(relation, training=training),
            triples.entities(tail, training=training),
        )

    def encoded(self, training=None, facts=None):
        """What to look up in: the layer itself or, with an encoder, what that computes now.

        It has `entities` and `relations`, each with a call and `vectors` as in the tables. The
        encoder runs once here, however often it is looked up in the result.

        Args:
            training: Whether the encoder's dropout is active.
            facts: Ids of head, relation and tail, integer tensors that broadcast, of the facts
                that are about to be scored, for an encoder that hides them from itself.
        """
        if self.encoder is None:
            return self
        tables = self.entities.vectors(training=False), self.relations.vectors(training=False)
        matrices = self.encoder(*tables, training=training, facts=facts)
        return EncodedTriples(self, *matrices)

    def _shapes(self):
        return tuple((table.rows, table.dim) for table in (self.entities, self.relations))

    def compute_output_spec(self, head, relation, tail, training=None):
        def vectors(table, ids, dim):
            return keras.KerasTensor((*ids.shape, dim), dtype=table.compute_dtype)

        return (
            vectors(self.entities, head, self.dim),
            vectors(self.relations, relation, self.relation_dim),
            vectors(self.entities, tail, self.dim),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "entities": keras.saving.serialize_keras_object(self.entities),
            "relations": keras.saving.serialize_keras_object(self.relations),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("entities", "relations", "encoder"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def check_tables(triples):
    """Raises a `ValueError` if a `layers.TripleEmbedding` has an encoder behind its tables."""
    if triples.encoder is not None:
        raise ValueError(
            "`triples` must have no encoder, since its tables are looked up in. "
            f"Received: encoder={triples.encoder!r}."
        )
