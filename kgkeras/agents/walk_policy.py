"""The network that scores a walker's actions."""

import functools

import keras
import tensorflow as tf
from keras import ops

from kgkeras.checks import describe, positive_int, rate
from kgkeras.layers import EntityEmbedding, RelationEmbedding
from kgkeras.registration import serializable

ILLEGAL = -1e9  # The score of an action that there is not.
_DENSE = 8  # So many times the actions there may be entities, to score all rather than to gather.


@serializable
class WalkPolicy(keras.layers.Layer):
    """Scores of all actions: `[r; e] . W2 relu(W1 [h; e_t; q])`.

    `[r; e]` are the vectors of the relation that an action follows and of where it leads, `h` is
    what `history` remembers of the way, `e_t` the entity the walker stands at, `q` the query.

    Args:
        relations: `layers.RelationEmbedding` of the relations, their inverses and two more: to
            stay, and the start.
        history: `LSTMHistory` or `TransformerHistory`.
        query_dim: Length of the query's vector.
        entities: `layers.EntityEmbedding`; where None the policy knows relations alone, leaves out
            `e` and `e_t`, and may walk on graphs of other entities.
        hidden_dim: Units of the hidden layer.
        dropout: Rate at which hidden units are dropped in training.

    Raises:
        ValueError: If a table is of another kind, or a size or rate is out of range.

    Reference: Das et al., ICLR 2018; Lin et al., Multi-Hop Knowledge Graph Reasoning with Reward
    Shaping, EMNLP 2018.
    """

    def __init__(
        self,
        relations,
        history,
        query_dim,
        *,
        entities=None,
        hidden_dim=200,
        dropout=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not isinstance(relations, RelationEmbedding):
            raise ValueError(f"`relations` must be a RelationEmbedding. {describe(relations)}.")
        if entities is not None and not isinstance(entities, EntityEmbedding):
            raise ValueError(
                f"`entities` must be an EntityEmbedding or None. {describe(entities)}."
            )
        self.relations, self.history, self.entities = relations, history, entities
        self.query_dim = positive_int("query_dim", query_dim)
        self.hidden_dim = positive_int("hidden_dim", hidden_dim)
        self.dropout = rate("dropout", dropout)
        entity_dim = entities.dim if entities else 0
        dense = functools.partial(keras.layers.Dense, dtype=self.dtype_policy)
        self.hidden = dense(hidden_dim, activation="relu", name="hidden")
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.relation = dense(relations.dim, name="relation")
        self.entity = dense(entity_dim, name="entity") if entities else None
        self._step_dim = relations.dim + entity_dim
        self._state_dim = history.dim + entity_dim + query_dim
        self.build()

    def build(self, input_shape=None):
        for table in filter(None, (self.relations, self.entities)):
            if not table.built:
                table.build(None)
        if not self.history.built:  # as it is where it was loaded
            self.history.build((None, self._step_dim))
        self.hidden.build((None, self._state_dim))
        for layer in filter(None, (self.relation, self.entity)):
            layer.build((None, self.hidden_dim))
        self.built = True

    def begin(self, position, query, start, training=None):
        """The state of walkers that stand at `position`, ids `(walkers,)`.

        Args:
            position: Where they stand.
            query: Float tensor `(walkers, n, query_dim)`: what each step sees of the query; the
                last one also what all further steps do.
            start: Id of the relation that stands for "none has been followed".
            training: Whether dropout is active.
        """
        state = {"query": query, "history": self.history.initial(tf.shape(position)[0])}
        return self.go(state, tf.fill(tf.shape(position), start), position, training)

    def go(self, state, relation, position, training=None):
        """The state after walkers have followed a relation to an entity, ids `(walkers,)`."""
        step = [self.relations(relation, training=training)]
        if self.entities:
            step.append(self.entities(position, training=training))
        way, history = self.history(ops.concatenate(step, axis=-1), state["history"])
        query = state["query"]
        seen = ops.concatenate([way, *step[1:], query[:, 0]], axis=-1)
        rest = query[:, 1:] if query.shape[1] > 1 else query
        return {"query": rest, "history": history, "seen": seen}

    def scores(self, state, actions, training=None):
        """Scores of actions, as the environment tells them: float32 `(walkers, actions)`."""
        relation, tail, legal = actions
        wanted = self.drop(self.hidden(state["seen"]), training=training)
        scores = _products(self.relation(wanted), self.relations, relation, training)
        if self.entities:
            scores += _products(self.entity(wanted), self.entities, tail, training)
        return ops.where(legal, ops.cast(scores, "float32"), ILLEGAL)

    @property
    def state_dim(self):
        """Length of `seen` in a state."""
        return self._state_dim

    def get_config(self):
        names, parts = ("query_dim", "hidden_dim", "dropout"), ("relations", "history", "entities")
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            **{name: serialize(getattr(self, name)) for name in parts},
            **{name: getattr(self, name) for name in names},
        }

    @classmethod
    def from_config(cls, config):
        parts = ("relations", "history", "entities")
        made = {name: keras.saving.deserialize_keras_object(config[name]) for name in parts}
        return cls(**{**config, **made})


def _products(wanted, embedding, ids, training):
    """Products of vectors `(walkers, dim)` with those of ids `(walkers, actions)`."""
    if embedding.rows <= _DENSE * ids.shape[1]:
        # With few vectors, all products are cheaper than to copy a vector for each action.
        every = ops.matmul(wanted, ops.transpose(embedding.vectors(training=training)))
        return tf.gather(every, ids, batch_dims=1)
    return ops.einsum("wd,wad->wa", wanted, embedding(ids, training=training))
