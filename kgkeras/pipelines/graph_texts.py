"""Texts with the subgraphs around the entities that they mention."""

import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.ops import first_mentions
from kgkeras.pipelines.mapping import parallel_map
from kgkeras.pipelines.passes import step_seed

_NODES, _EDGES = ("entity",), ("source", "target", "relation")
# Batches are as wide as their largest graph, rounded up: few different shapes, little padding.
_STEP = 16


def graph_text_batches(batches, sampler, *, max_mentions=8, hidden=None, first_step=0, seed=0):
    """Adds to each batch of texts the subgraphs around the entities that they mention.

    Everything follows from `seed` and the number of the batch; batches are made in parallel.

    Args:
        batches: `tf.data.Dataset` of dicts of tensors, or of tuples that begin with one, with
            `entity_ids` `(batch, words)`: what `joint_batches` and `text_batches` give.
        sampler: `SubgraphSampler`.
        max_mentions: How many of a text's entities to start from, the first ones.
        hidden: Name of what to leave out of a text's subgraph: integer `(batch, 3)` of head,
            relation and tail, such as the fact that the text asks for; negative for nothing. Where
            it depends on the label whether a fact is hidden, a model reads the label off the gap.
        first_step: Number of the first batch, so that training resumes with other subgraphs.
        seed: Seed of the choice of facts; None for the same facts of an entity each time, as in an
            exported model.

    Returns:
        `tf.data.Dataset` of the same elements, whose dicts also have the key `graph`: the dict of
        `entity`, `source`, `target` and `relation` that `entity_graphs` returns.

    Raises:
        ValueError: If the texts lack `entity_ids` or what to hide, or have a `graph` already.
    """
    spec = batches.element_spec
    names = spec[0] if isinstance(spec, tuple) else spec
    needed = {"entity_ids", *([] if hidden is None else [hidden])}
    if needed - set(names) or "graph" in names:
        raise ValueError(
            f"Texts must have {', '.join(map(repr, sorted(needed)))}, and no 'graph' yet. "
            f"Received: {sorted(names)}."
        )
    max_mentions = positive_int("max_mentions", max_mentions)

    def extend(step, element):
        inputs, *rest = element if isinstance(element, tuple) else (element,)
        random = None if seed is None else step_seed(seed, first_step + step, 0)
        dropped = None
        if hidden is not None:
            dropped = tf.ensure_shape(tf.cast(inputs[hidden], tf.int32), [None, 3])
        graph = entity_graphs(inputs["entity_ids"], sampler, max_mentions, random, dropped)
        inputs = {**inputs, "graph": graph}
        return (inputs, *rest) if rest else inputs

    return parallel_map(batches.enumerate(), extend).prefetch(tf.data.AUTOTUNE)


def entity_graphs(entity_ids, sampler, max_mentions=8, seed=None, dropped=None):
    """The subgraphs around the first entities of each text, no wider than the largest of them.

    Args:
        entity_ids: Integer tensor `(batch, words)`: the entity at each word, negative for none.
        sampler: `SubgraphSampler`.
        max_mentions: How many of a text's entities to start from.
        seed: As for the sampler.
        dropped: As for the sampler.

    Returns:
        Dict of int32 tensors `entity` `(batch, nodes)` and `source`, `target` and `relation`
        `(batch, edges)`, padded with -1.
    """
    seeds = first_mentions(tf.cast(entity_ids, tf.int32), max_mentions)
    graph = sampler(seeds, seed, dropped)
    nodes, edges = _width(graph["entity"]), _width(graph["source"])
    return {name: graph[name][:, : nodes if name in _NODES else edges] for name in _NODES + _EDGES}


def _width(ids):
    """How many columns are not padding in some row, up to a multiple of `_STEP`, at least that."""
    used = tf.reduce_max(tf.reduce_sum(tf.cast(ids >= 0, tf.int32), axis=1))
    # Of a batch without rows the largest is the lowest integer.
    return -(-tf.maximum(used, 1) // _STEP) * _STEP
