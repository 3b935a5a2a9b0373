"""Walks along the facts of a graph, in words."""

import tensorflow as tf

from kgkeras.export.entity_names import check_identifiers, shown_names
from kgkeras.models import Vocabulary
from kgkeras.text import StringList


class WalkNames:
    """Tells walks by the names of their entities and relations.

    Args:
        graph: `kg.KnowledgeGraph`.
        walked: What is walked along, with its `num_entities` and `num_relations`: where the latter
            are twice those of the graph, the graph's inverse relations are named, too.

    Raises:
        ValueError: If the sizes do not fit, or an identifier cannot be kept in a line of text.
    """

    def __init__(self, graph, walked):
        graph = _walked(graph, walked)
        check_identifiers(graph.entities, "entities")
        self.names = StringList(shown_names(Vocabulary.from_graph(graph)), "entity_names")
        self.identifiers = StringList(graph.entities, "entity_identifiers")
        relations = [graph.relation_name(i) for i in range(graph.num_relations)]
        self.relations = StringList(relations, "relation_names")
        self.tracked = [self.names, self.identifiers, self.relations]

    def told(self, facts, supposed=None):
        """Walks `(batch, k, hops, 3)` in words, `(batch, k)`; "" for none.

        Args:
            facts: int32 ids of head, relation and tail, -1 where there is none.
            supposed: bool `(batch, k, hops)`: whether a fact is only supposed.
        """
        head, relation, tail = tf.unstack(facts, axis=-1)
        steps = [self.names(head), self.relations(relation), self.names(tail)]
        steps = tf.strings.join(steps, " | ")  # (batch, k, hops)
        if supposed is not None:
            steps += tf.where(supposed, " ?", "")
        # Between the steps, not before the first.
        links = tf.constant([""] + [" ; "] * (facts.shape[2] - 1))
        steps = tf.strings.join([tf.broadcast_to(links, tf.shape(steps)), steps])
        steps = tf.where(head >= 0, steps, "")
        return tf.strings.reduce_join(steps, axis=-1)


def _walked(graph, facts):
    """The graph that names what is walked along: `graph`, or it with inverses."""
    wanted, found = (facts.num_entities, facts.num_relations), graph.num_relations
    if wanted == (graph.num_entities, found):
        return graph
    if wanted == (graph.num_entities, 2 * found):
        return graph.with_inverses()
    raise ValueError(
        f"`graph` must have the model's {wanted[0]} entities and {wanted[1]} relations, or half of "
        f"those, which get inverses. Received: {graph!r}."
    )
