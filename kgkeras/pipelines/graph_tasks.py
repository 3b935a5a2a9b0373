"""A graph's triples as a task beside others."""

import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.pipelines.joint import triple_batches
from kgkeras.pipelines.mapping import parallel_map
from kgkeras.pipelines.sampled import checked_chunk_size


def graph_task_batches(
    graph, *, batch_size, num_negatives=32, chunk_size=None, first_step=0, seed=0
):
    """Endless batches of triples with negatives, for a `layers.TripleHead`.

    Args:
        graph: `kgkeras.kg.KnowledgeGraph`.
        batch_size: Triples a batch.
        num_negatives: Entities a chunk, drawn alike, that take the place of a triple's tail and
            head.
        chunk_size: Triples that share their negatives and make one row, a divisor of each replica's
            share of the batch; the whole share where None. The larger, the cheaper is a step.
        first_step: Step to begin with.
        seed: Seed of every random choice.

    Returns:
        `tf.data.Dataset` of `(x, y)`: a dict of `triples` int32 `(rows, chunk_size, 3)` and
        `negatives` int32 `(rows, n)`, and labels float32 `(rows, chunk_size, 2, 1 + n)`: 1 for the
        triple, 0 for a negative, -1 for one that makes a true triple.

    Raises:
        ValueError: If an argument is out of range, or the graph has no triple.
    """
    chunk_size = checked_chunk_size(chunk_size, positive_int("batch_size", batch_size))
    rows = batch_size // chunk_size
    batches = triple_batches(graph, rows, chunk_size, num_negatives, seed, first_step)

    def label(batch):
        negative = tf.where(batch["known"], -1.0, 0.0)
        labels = tf.concat([tf.ones_like(negative[..., :1]), negative], axis=-1)
        return {"triples": batch["triples"], "negatives": batch["negatives"]}, labels

    return parallel_map(batches, label)
