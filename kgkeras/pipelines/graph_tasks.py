"""A graph's triples as a task beside others."""

import tensorflow as tf

from kgkeras.pipelines.joint import triple_batches
from kgkeras.pipelines.mapping import parallel_map


def graph_task_batches(graph, *, batch_size, num_negatives=32, first_step=0, seed=0):
    """Endless batches of triples with negatives, for a `layers.TripleHead`.

    Args:
        graph: `kgkeras.kg.KnowledgeGraph`.
        batch_size: Triples a batch.
        num_negatives: Entities, drawn alike, that take the place of a triple's tail and head.
        first_step: Step to begin with.
        seed: Seed of every random choice.

    Returns:
        `tf.data.Dataset` of `(x, y)`: a dict of `triples` int32 `(batch, 3)` and `negatives` int32
        `(batch, n)`, and labels float32 `(batch, 2, 1 + n)`: 1 for the triple, 0 for a negative, -1
        for one that makes a true triple.

    Raises:
        ValueError: If an argument is out of range, or the graph has no triple.
    """
    batches = triple_batches(graph, batch_size, 1, num_negatives, seed, first_step)

    def label(batch):
        negative = tf.where(batch["known"][:, 0], -1.0, 0.0)
        labels = tf.concat([tf.ones_like(negative[..., :1]), negative], axis=-1)
        return {"triples": batch["triples"][:, 0], "negatives": batch["negatives"]}, labels

    return parallel_map(batches, label)
