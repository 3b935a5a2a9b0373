"""Trainable vectors for entities and for relations."""

import keras
import numpy as np
from keras import ops

from kgkeras.checks import positive_int, rate
from kgkeras.ops import compiled, lookup
from kgkeras.registration import serializable


class _Table(keras.layers.Layer):
    """One vector an id, with a message that says what the ids are."""

    def __init__(
        self, rows, dim, initializer="glorot_uniform", initial_matrix=None, dropout=0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self.rows = rows
        self.dim = positive_int("dim", dim)
        self.initializer = keras.initializers.get(initializer)
        self.initial_matrix = _checked_matrix(initial_matrix, rows, self.dim)
        self.dropout = rate("dropout", dropout)
        self._dropout = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def build(self, input_shape=None):
        # No autocast: mixed precision casts the rows that are looked up, not the whole table.
        self.table = self.add_weight(
            name="table",
            shape=(self.rows, self.dim),
            initializer=self._initial_table,
            autocast=False,
        )

    def _initial_table(self, shape, dtype=None):
        # Not an assignment after `add_weight`: a build inside `fit` makes the variable later.
        if self.initial_matrix is None:
            # Compiled, intermediate values of the table's size are freed at once.
            return compiled(lambda: self.initializer(shape, dtype=dtype))()
        return ops.convert_to_tensor(self.initial_matrix, dtype=dtype)

    def call(self, ids, training=None):
        return self.rows_of(self.table, ids, training)

    def vectors(self, training=None):
        """All vectors in the order of their ids: `(rows, dim)`."""
        return self.all_of(self.table, training)

    def rows_of(self, matrix, ids, training=None):
        """What `call` returns, of a matrix in place of the table."""
        vectors = ops.cast(lookup(matrix, ids, name=self.ids_name), self.compute_dtype)
        return self._dropout(vectors, training=training)

    def all_of(self, matrix, training=None):
        """What `vectors` returns, of a matrix in place of the table."""
        matrix = ops.cast(ops.convert_to_tensor(matrix), self.compute_dtype)
        return self._dropout(matrix, training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.dim)

    def compute_output_spec(self, ids, training=None):
        return keras.KerasTensor((*ids.shape, self.dim), dtype=self.compute_dtype)

    def get_config(self):
        # The initial matrix is not part of the configuration: saved weights replace it.
        return {
            **super().get_config(),
            "dim": self.dim,
            "initializer": keras.initializers.serialize(self.initializer),
            "dropout": self.dropout,
        }


@serializable
class EntityEmbedding(_Table):
    """Looks up one vector per entity.

    Entity `i` is row `i`: no reserved rows, no offset. A negative id stands for "no entity here"
    (padding, unknown) and yields zeros.

    Args:
        num_entities: Number of entities.
        dim: Length of a vector.
        initializer: Keras initializer of the table.
        initial_matrix: Optional array `(num_entities, dim)` to start from instead. Not part of
            the configuration: a reloaded layer has its saved weights.
        dropout: Rate at which elements of the looked-up vectors are dropped in training.
        trainable: False freezes the table.

    Call arguments:
        ids: Integer tensor of any shape.

    Returns:
        Float tensor `(*ids.shape, dim)`.

    Raises:
        ValueError: If `initial_matrix` has the wrong shape or a value that is not finite, or an
            id is not below `num_entities` (see `kgkeras.ops.lookup`).
    """

    ids_name = "entity ids"

    def __init__(self, num_entities, dim, **kwargs):
        super().__init__(positive_int("num_entities", num_entities), dim, **kwargs)
        self.num_entities = self.rows

    def get_config(self):
        return {"num_entities": self.num_entities, **super().get_config()}


@serializable
class RelationEmbedding(_Table):
    """Looks up one vector per relation; otherwise as `EntityEmbedding`.

    Args:
        num_relations: Number of relations.
        dim: Length of a vector.
        initializer: Keras initializer of the table.
        initial_matrix: Optional array `(num_relations, dim)` to start from instead.
        dropout: Rate at which elements of the looked-up vectors are dropped in training.
        trainable: False freezes the table.

    Call arguments:
        ids: Integer tensor of any shape.

    Returns:
        Float tensor `(*ids.shape, dim)`.
    """

    ids_name = "relation ids"

    def __init__(self, num_relations, dim, **kwargs):
        super().__init__(positive_int("num_relations", num_relations), dim, **kwargs)
        self.num_relations = self.rows

    def get_config(self):
        return {"num_relations": self.num_relations, **super().get_config()}


def _checked_matrix(matrix, rows, dim):
    if matrix is None:
        return None
    matrix = np.asarray(matrix, dtype="float32")
    if matrix.shape != (rows, dim):
        raise ValueError(
            f"`initial_matrix` must have the shape ({rows}, {dim}). Received: shape {matrix.shape}."
        )
    wrong = np.argwhere(~np.isfinite(matrix))
    if len(wrong):
        row, column = (int(i) for i in wrong[0])
        raise ValueError(
            "`initial_matrix` must hold finite numbers. "
            f"Received: {matrix[row, column]} in row {row}, column {column}."
        )
    return matrix
