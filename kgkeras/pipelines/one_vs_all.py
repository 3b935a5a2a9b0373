"""Triples alone, for losses that compare the true tail with all entities."""

import tensorflow as tf

from kgkeras.pipelines.passes import (
    checked_batch_size,
    endless_batches,
    shuffled_rows,
    triple_steps,
)


def one_vs_all_batches(graph, *, batch_size, first_epoch=0, steps_per_epoch=None, seed=0):
    """Endless training batches of triples.

    The stream runs through all triples again and again, each time in another order, and the batches
    are cut out of it without a gap: all are full, and one may hold the end of a pass and the
    beginning of the next. An epoch is `triple_steps` batches. Everything follows from `seed` and
    the number of the epoch, so training that resumes at epoch `e` with `first_epoch=e` sees what it
    would have seen.

    Args:
        graph: `kgkeras.kg.KnowledgeGraph`; reciprocal models want `graph.with_inverses()`.
        batch_size: Triples a batch, a multiple of the number of replicas.
        first_epoch: Epoch to begin with.
        steps_per_epoch: Batches an epoch, as `fit` is told; `triple_steps` where None.
        seed: Seed of the orders.

    Returns:
        `tf.data.Dataset` of dicts of int32 tensors `(batch_size,)`: `head`, `relation`, `tail`.

    Raises:
        ValueError: If the graph holds no triple, or the replicas cannot share a batch.
    """
    batch_size = checked_batch_size(batch_size)
    steps = triple_steps(graph, batch_size)
    triples = tf.convert_to_tensor(graph.triples)

    def batch(step):
        rows = shuffled_rows(step, batch_size, graph.num_triples, seed)
        head, relation, tail = tf.unstack(tf.gather(triples, rows), axis=1)
        return {"head": head, "relation": relation, "tail": tail}

    return endless_batches(batch, steps, first_epoch, steps_per_epoch)
