"""A graph to walk on: thousands of walkers take a step at once."""

import keras
import numpy as np
import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.kg.inverse import inverse_relation
from kgkeras.registration import serializable


@serializable
class GraphEnvironment(keras.layers.Layer):
    """Tells walkers where they can go; its edges are saved and exported, but not trained.

    From an entity a walker may stay, or follow one of its facts in either direction. Stay is action
    0; then come the facts, those that lead to entities of many facts first. Relations are numbered
    as in `graph.with_inverses()`, behind them `stay` and `start`, which stands for "no relation has
    been followed yet". Takes 8 bytes an edge, 4 an entity, and 8 a fact to know it again.

    Args:
        num_entities: Number of entities.
        num_relations: Number of relations without inverses.
        num_edges: Number of edges, after hubs have been cut.
        num_facts: Number of different facts, inverses included.
        max_actions: Actions of an entity at most, to stay included.
        arrays: Dict of the edges' arrays, made by `from_graph`. Not part of the configuration: a
            reloaded environment has its saved ones.

    Call arguments:
        position: Entity ids `(walkers,)`.

    Returns:
        `(relation, tail, legal)`, `(walkers, max_actions)` each: int32 ids of what each action
        follows and where it leads, and whether there is such an action.

    Raises:
        ValueError: If a size is not a positive integer.

    Example:
    ```python
    environment = GraphEnvironment.from_graph(graph)
    relation, tail, legal = environment(position)
    position = tf.gather(tail, actions, batch_dims=1)
    ```

    Reference: Das et al., Go for a Walk and Arrive at the Answer, ICLR 2018.
    """

    def __init__(
        self, num_entities, num_relations, num_edges, num_facts, max_actions, arrays=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.num_entities = positive_int("num_entities", num_entities)
        self.num_relations = positive_int("num_relations", num_relations)
        self.num_edges = positive_int("num_edges", num_edges)
        self.num_facts = positive_int("num_facts", num_facts)
        self.max_actions = positive_int("max_actions", max_actions)
        self.stay, self.start = 2 * num_relations, 2 * num_relations + 1
        self._arrays = arrays or {}
        self.build()
        self._arrays = {}  # The variables have them now.

    @classmethod
    def from_graph(cls, graph, max_actions=200, **kwargs):
        """The environment of a `kg.KnowledgeGraph` without inverse relations.

        Args:
            graph: The graph.
            max_actions: Actions of an entity at most; where there are more, those that lead to
                entities of many facts are kept.
            **kwargs: As for the class.

        Raises:
            ValueError: If the graph has inverse relations or no facts, or `max_actions` is below 2.
        """
        if not graph.num_triples:
            raise ValueError(f"`graph` must hold at least one fact. Received: {graph!r}.")
        if positive_int("max_actions", max_actions) < 2:
            raise ValueError("`max_actions` must be at least 2: to stay, and a fact. Received: 1.")
        facts = np.unique(graph.with_inverses().triples, axis=0)
        edges = _kept(facts, graph.num_entities, max_actions - 1)
        degrees = np.bincount(edges[:, 0], minlength=graph.num_entities)
        arrays = {
            "starts": np.append(0, np.cumsum(degrees)),
            "relations": edges[:, 1],
            "tails": edges[:, 2],
            "keys": np.sort(_keys(*facts.astype("int64").T, graph)),
        }
        return cls(
            graph.num_entities,
            graph.num_relations,
            len(edges),
            len(facts),
            min(max_actions, int(degrees.max()) + 1),
            arrays,
            **kwargs,
        )

    def build(self, input_shape=None):
        sizes = {
            "starts": (self.num_entities + 1, "int32"),
            "relations": (self.num_edges, "int32"),
            "tails": (self.num_edges, "int32"),
            "keys": (self.num_facts, "int64"),
        }
        self._edges = {
            name: self.add_weight(
                name=name,
                shape=(size,),
                dtype=dtype,
                initializer=self._initial(name),
                trainable=False,
            )
            for name, (size, dtype) in sizes.items()
        }
        self.built = True

    def call(self, position):
        position = tf.convert_to_tensor(position)
        starts = tf.convert_to_tensor(self._edges["starts"])
        degree = (tf.gather(starts, position + 1) - tf.gather(starts, position))[:, None]
        own = position[:, None]
        return (
            tf.concat([tf.fill(tf.shape(own), self.stay), self._rows("relations", position)], 1),
            tf.concat([own, self._rows("tails", position)], axis=1),
            tf.range(self.max_actions) <= degree,
        )

    def or_stay(self, actions):
        """Actions such that walkers that have nothing to do stay where they are."""
        relation, tail, legal = actions
        nothing = ~tf.reduce_any(legal, axis=1, keepdims=True)
        return relation, tail, legal | (nothing & (relation == self.stay))

    def without(self, position, actions, asked):
        """Actions without the fact that a query asks about, in either direction.

        Args:
            position: Entity ids `(walkers,)`.
            actions: What the call returns.
            asked: Ids of head, relation and tail, `(walkers,)` each.
        """
        relation, tail, legal = actions
        asked_head, asked_relation, asked_tail = (ids[:, None] for ids in asked)
        position = position[:, None]
        inverse = inverse_relation(asked_relation, self.num_relations)
        told = (position == asked_head) & (relation == asked_relation) & (tail == asked_tail)
        told |= (position == asked_tail) & (relation == inverse) & (tail == asked_head)
        return relation, tail, legal & ~told

    def knows(self, head, relation, tail):
        """Whether triples are facts: bool; ids, inverse relations included, of shapes that fit."""
        keys = _keys(*(tf.cast(ids, tf.int64) for ids in (head, relation, tail)), self)
        sorted_keys = tf.convert_to_tensor(self._edges["keys"])
        place = tf.searchsorted(sorted_keys, tf.reshape(keys, [-1]))
        place = tf.reshape(tf.minimum(place, self.num_facts - 1), tf.shape(keys))
        return tf.gather(sorted_keys, place) == keys

    def answers(self, head, relation):
        """The tails of facts with each head and relation, ids `(n,)`: int32 ragged `(n, None)`."""
        head, relation = (tf.cast(ids, tf.int64) for ids in (head, relation))
        sorted_keys = tf.convert_to_tensor(self._edges["keys"])
        first = _keys(head, relation, tf.zeros_like(head), self)
        ends = (tf.searchsorted(sorted_keys, first + n) for n in (0, self.num_entities))
        places = tf.ragged.range(*ends)
        tails = tf.gather(sorted_keys, places.flat_values) % self.num_entities
        return places.with_flat_values(tf.cast(tails, tf.int32))

    def compute_output_shape(self, position_shape):
        return ((*position_shape, self.max_actions),) * 3

    def get_config(self):
        names = ("num_entities", "num_relations", "num_edges", "num_facts", "max_actions")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _rows(self, name, position):
        """A column of the edges of each position, zeros behind: `(walkers, max_actions - 1)`."""
        # Ragged rows are copied as a whole; places gathered one by one take four times as long.
        column, starts = (tf.convert_to_tensor(self._edges[key]) for key in (name, "starts"))
        rows = tf.RaggedTensor.from_row_splits(column, starts, validate=False)
        return tf.gather(rows, position).to_tensor(0, shape=[None, self.max_actions - 1])

    def _initial(self, name):
        values = self._arrays.get(name)

        def initial(shape, dtype=None):
            return tf.zeros(shape, dtype) if values is None else tf.constant(values, dtype=dtype)

        return initial


def _keys(head, relation, tail, sizes):
    """One number a fact; its relations are twice those of `sizes`."""
    return (head * (2 * sizes.num_relations) + relation) * sizes.num_entities + tail


def _kept(facts, num_entities, most):
    """At most so many facts of each head, sorted by it; first those to tails of many facts."""
    degrees = np.bincount(facts[:, 0], minlength=num_entities)
    facts = facts[np.lexsort((-degrees[facts[:, 2]], facts[:, 0]))]
    place = np.arange(len(facts)) - np.append(0, np.cumsum(degrees))[facts[:, 0]]
    return facts[place < most]
