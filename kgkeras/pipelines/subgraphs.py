"""Subgraphs around the entities of each example, sampled in memory while the model trains."""

import copy
import numbers

import tensorflow as tf

from kgkeras.checks import describe, positive_int
from kgkeras.kg.inverse import check_no_inverses, inverse_relation
from kgkeras.pipelines.incidence import Incidence
from kgkeras.pipelines.mapping import parallel_map
from kgkeras.pipelines.passes import step_seed
from kgkeras.pipelines.row_numbering import RowNumbering

_TRIPLE = ("head", "relation", "tail")
_NAME = "graph"


def subgraph_batches(batches, sampler, *, seeds=None, first_step=0, seed=0):
    """Adds to each batch of examples the subgraphs around their entities.

    Args:
        batches: `tf.data.Dataset` of dicts of tensors, or of tuples that begin with one.
        sampler: `SubgraphSampler`.
        seeds: Name of the entities to start from: integer `(batch, n)`, negative where there is
            none. None stands for triples: it starts from `head` and `tail` `(batch,)`, and leaves
            out the fact `(head, relation, tail)` itself, which a model would else read off.
        first_step: Number of the first batch, so that training resumes with other subgraphs.
        seed: Seed of the choices: the same numbers give the same subgraphs.

    Returns:
        `tf.data.Dataset` of the same elements, whose dicts also have the key `graph`, the dict that
        the sampler returns.

    Raises:
        ValueError: If the examples lack what to start from, or have a `graph` already.
    """
    spec = batches.element_spec
    _check_names(
        spec[0] if isinstance(spec, tuple) else spec, _TRIPLE if seeds is None else [seeds]
    )

    def extend(step, element):
        inputs, *rest = element if isinstance(element, tuple) else (element,)
        random = step_seed(seed, first_step + step, 0)
        if seeds is None:
            triples = tf.stack([tf.cast(inputs[name], tf.int32) for name in _TRIPLE], axis=1)
            graph = sampler(tf.gather(triples, [0, 2], axis=1), random, triples)
        else:
            graph = sampler(tf.cast(inputs[seeds], tf.int32), random)
        inputs = {**inputs, _NAME: graph}
        return (inputs, *rest) if rest else inputs

    return parallel_map(batches.enumerate(), extend).prefetch(tf.data.AUTOTUNE)


def _check_names(names, needed):
    if set(needed) - set(names) or _NAME in names:
        raise ValueError(
            f"Examples must have {', '.join(map(repr, needed))}, and no {_NAME!r} yet. Received: "
            f"{sorted(names)}."
        )


def checked_fan_out(fan_out, hops):
    """Returns a list of `hops` numbers or Nones, or raises `ValueError`."""
    one = fan_out is None or isinstance(fan_out, numbers.Integral)
    each = [fan_out] * hops if one else list(fan_out)
    if len(each) != hops:
        raise ValueError(f"`fan_out` must be one number, or one a hop. {describe(fan_out)}.")
    return [most if most is None else positive_int("fan_out", most) for most in each]


class SubgraphSampler:
    """Samples the facts within some hops of the seeds of each row, all rows at once.

    Of each entity it reaches, it takes `fan_out` of the facts that tell of it, in either place, at
    random and none twice; their other ends are reached next. Entities are numbered seeds first,
    then by distance; where there are more than `max_nodes`, the last to come are left out together
    with their facts. Where facts do not fit into `max_edges`, the last are left out. Each
    fact is an edge from its head to its tail, once, followed by its inverse the other way.

    Args:
        graph: `kgkeras.kg.KnowledgeGraph` without inverse relations.
        hops: How far to go from the seeds.
        fan_out: Most facts of an entity; None takes all. A sequence gives one for each hop.
        max_nodes: Width of the nodes.
        max_edges: Width of the edges.
        inverses: Whether to add the inverse of each fact, as `graph.with_inverses()` does.

    Call arguments:
        seeds: int32 tensor `(batch, n)`, negative where there is none. May repeat.
        seed: Integer tensor `(2,)` of the random choices; None for the same facts of an entity each
            time, spread evenly over all of its facts.
        dropped: None, or int32 tensor `(batch, 3)`: a triple of each row, with or without inverse
            relation. Its fact is left out, in both directions.

    Returns:
        Dict of int32 tensors: `entity` `(batch, max_nodes)`, `source`, `target` and `relation`
        `(batch, max_edges)`, padded with -1; `source` and `target` are columns of `entity`; and
        `seed_node` `(batch, n)`, the column of each seed, -1 where it has none.

    Attributes:
        num_entities: Number of the graph's entities.
        num_relations: Number of relations that edges may have, with the inverses that are added.

    Raises:
        ValueError: If the graph has inverse relations, or a number is not positive.
        tf.errors.InvalidArgumentError: If a seed is not in the graph's vocabulary.
    """

    def __init__(self, graph, *, hops=2, fan_out=16, max_nodes=200, max_edges=800, inverses=True):
        check_no_inverses(graph)
        self.hops = positive_int("hops", hops)
        self.fan_out = checked_fan_out(fan_out, self.hops)
        self.max_nodes = positive_int("max_nodes", max_nodes)
        self.max_edges = positive_int("max_edges", max_edges)
        self.inverses = inverses
        self.num_entities = graph.num_entities
        self.num_relations = (2 if inverses else 1) * graph.num_relations
        self._sizes = (graph.num_entities, graph.num_relations, max(graph.num_triples, 1))
        self._incidence = Incidence(graph)

    def stored(self):
        """The same with its facts in variables: what an exported function samples from."""
        other = copy.copy(self)
        other._incidence = self._incidence.stored()
        return other

    def __call__(self, seeds, seed=None, dropped=None):
        num_entities, _, num_facts = self._sizes
        tf.debugging.assert_less(seeds, num_entities, "`seeds` must be entities of the graph.")
        num_rows = tf.shape(seeds)[0]
        nodes, seed_node, frontier = self._start(RowNumbering.empty(num_rows, num_entities), seeds)
        facts = RowNumbering.empty(num_rows, num_facts)
        taken = []
        for hop, fan_out in enumerate(self.fan_out):
            rows, entities = frontier
            hop_seed = seed
            if seed is not None:
                hop_seed = tf.random.experimental.stateless_fold_in(tf.cast(seed, tf.int64), hop)
            fact, owner = self._incidence.sample(entities, fan_out, hop_seed)
            owner = tf.gather(rows, owner)
            if dropped is not None:
                kept = tf.where(~self._is(fact, tf.gather(dropped, owner)))[:, 0]
                fact, owner = tf.gather(fact, kept), tf.gather(owner, kept)
            nodes, facts, frontier, edges = self._reach(nodes, facts, owner, fact)
            taken.append(edges)
        edges = [tf.concat(column, axis=0) for column in zip(*taken, strict=True)]
        return {**self._padded(nodes, edges, num_rows), "seed_node": seed_node}

    def _start(self, nodes, seeds):
        place = tf.where(seeds >= 0)
        rows, entities = tf.cast(place[:, 0], tf.int32), tf.gather_nd(seeds, place)
        nodes, number, first = nodes.add(rows, entities)
        number = tf.where(number < self.max_nodes, number, -1)
        seed_node = tf.tensor_scatter_nd_update(tf.fill(tf.shape(seeds), -1), place, number)
        return nodes, seed_node, self._fitting(number >= 0, rows, entities, first)

    @staticmethod
    def _fitting(fits, rows, entities, first):
        first = tf.boolean_mask(first, tf.gather(fits, first))
        return tf.gather(rows, first), tf.gather(entities, first)

    def _reach(self, nodes, facts, rows, fact):
        """Numbers the other ends of facts, and the facts whose ends both fit."""
        head, tail = tf.gather(self._incidence.head, fact), tf.gather(self._incidence.tail, fact)
        # Both ends, next to each other: one of them is known.
        ends = tf.reshape(tf.stack([head, tail], axis=1), [-1])
        both = tf.repeat(rows, 2)
        nodes, number, first = nodes.add(both, ends)
        frontier = self._fitting(number < self.max_nodes, both, ends, first)
        source, target = tf.unstack(tf.reshape(number, [-1, 2]), axis=1)
        fits = tf.where(tf.maximum(source, target) < self.max_nodes)[:, 0]
        columns = [tf.gather(column, fits) for column in (rows, fact, source, target)]
        facts, number, first = facts.add(*columns[:2])
        edges = [tf.gather(column, first) for column in (*columns, number)]
        return nodes, facts, frontier, edges

    def _is(self, fact, triple):
        """Whether a fact or its inverse is a triple: `(n,)` and `(n, 3)`."""
        incidence = self._incidence
        head, tail = tf.gather(incidence.head, fact), tf.gather(incidence.tail, fact)
        relation = tf.gather(incidence.relation, fact)
        inverse = inverse_relation(relation, self._sizes[1])
        first, middle, last = tf.unstack(triple, axis=1)
        there = (first == head) & (middle == relation) & (last == tail)
        return there | ((first == tail) & (middle == inverse) & (last == head))

    def _padded(self, nodes, edges, num_rows):
        key_rows, entities = (
            tf.cast(part, tf.int32)
            for part in (nodes.keys // nodes.num_values, nodes.keys % nodes.num_values)
        )
        entity = _scattered(key_rows, nodes.numbers, entities, num_rows, self.max_nodes)
        fits = tf.where(edges[-1] < self.max_edges // (2 if self.inverses else 1))[:, 0]
        rows, fact, source, target, number = (tf.gather(column, fits) for column in edges)
        relation = tf.gather(self._incidence.relation, fact)
        columns = {"source": source, "target": target, "relation": relation}
        if self.inverses:
            inverse = inverse_relation(relation, self._sizes[1])
            other = {"source": target, "target": source, "relation": inverse}
            columns = {k: tf.concat([v, other[k]], axis=0) for k, v in columns.items()}
            rows, number = tf.tile(rows, [2]), tf.concat([2 * number, 2 * number + 1], axis=0)
        columns = {
            name: _scattered(rows, number, column, num_rows, self.max_edges)
            for name, column in columns.items()
        }
        return {"entity": entity, **columns}


def _scattered(rows, columns, values, num_rows, width):
    """A table of -1, in which `values` that are not beyond its width stand in their places."""
    fits = tf.where(columns < width)[:, 0]
    places = tf.gather(rows * width + columns, fits)[:, tf.newaxis]
    table = tf.fill([num_rows * width], -1)
    table = tf.tensor_scatter_nd_update(table, places, tf.gather(values, fits))
    return tf.reshape(table, [-1, width])
