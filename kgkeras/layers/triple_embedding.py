"""Looks up the three vectors of a triple."""

import keras

from kgkeras.layers.embeddings import EntityEmbedding, RelationEmbedding
from kgkeras.registration import serializable


@serializable
class TripleEmbedding(keras.layers.Layer):
    """Turns the ids of head, relation and tail into three vectors.

    Head and tail share one entity table. Text models look up in the same tables through the
    attributes `entities` and `relations`.

    Args:
        entities: An `EntityEmbedding`.
        relations: A `RelationEmbedding`.

    Call arguments:
        head: Integer tensor of any shape; a negative id yields zeros.
        relation: Integer tensor of any shape.
        tail: Integer tensor of any shape.

    Returns:
        Tuple of three float tensors, each `(*ids.shape, dim)` of its table.

    Example:
    ```python
    triples = TripleEmbedding.from_sizes(num_entities=100, num_relations=5, dim=64)
    head, relation, tail = triples(np.array([0]), np.array([1]), np.array([2]))
    ```
    """

    def __init__(self, entities, relations, **kwargs):
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
        self.entities = entities
        self.relations = relations

    @classmethod
    def from_sizes(cls, num_entities, num_relations, dim, relation_dim=None, **kwargs):
        """Makes both tables; `kwargs` (dropout, initializer, trainable, dtype) go to each."""
        return cls(
            EntityEmbedding(num_entities, dim, name="entities", **kwargs),
            RelationEmbedding(num_relations, relation_dim or dim, name="relations", **kwargs),
            name="triples",
        )

    def build(self, *input_shapes):
        for table in (self.entities, self.relations):
            if not table.built:
                table.build(None)

    def call(self, head, relation, tail, training=None):
        return (
            self.entities(head, training=training),
            self.relations(relation, training=training),
            self.entities(tail, training=training),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "entities": keras.saving.serialize_keras_object(self.entities),
            "relations": keras.saving.serialize_keras_object(self.relations),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("entities", "relations"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)
