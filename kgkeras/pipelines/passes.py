"""Pass after pass over the rows of a table, each in an order of its own."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import describe, non_negative, positive_int
from kgkeras.ops.replicas import num_replicas
from kgkeras.pipelines.mapping import parallel_map


def triple_steps(graph, batch_size):
    """Batches of triples in one epoch: enough to hold every triple.

    Args:
        graph: `kgkeras.kg.KnowledgeGraph`.
        batch_size: Triples a batch.

    Raises:
        ValueError: If the graph holds no triple.
    """
    check_triples(graph)
    return -(-graph.num_triples // positive_int("batch_size", batch_size))


def checked_batch_size(batch_size):
    """Returns `batch_size`, or raises `ValueError` unless the replicas can share a batch evenly."""
    batch_size = positive_int("batch_size", batch_size)
    if batch_size % num_replicas():
        raise ValueError(
            f"`batch_size` must be a multiple of the number of replicas, {num_replicas()}. "
            f"Received: {batch_size}."
        )
    return batch_size


def check_triples(graph):
    """Raises `ValueError` if the graph holds no triple."""
    if not graph.num_triples:
        raise ValueError("`graph` must hold at least one triple. Received: an empty graph.")


def shuffled_rows(step, batch_size, num_rows, seed):
    """Row numbers of one batch, computed place by place: nothing is kept, nothing shuffled.

    The batches are cut out of one endless stream, which holds every row once in each `num_rows`
    places.

    Args:
        step: int64 scalar, the number of the batch.
        batch_size: Rows a batch.
        num_rows: Rows there are.
        seed: Seed of the orders.

    Returns:
        int64 tensor `(batch_size,)` of values in `[0, num_rows)`.
    """
    places = step * batch_size + tf.range(batch_size, dtype=tf.int64)
    passes = places // num_rows
    # The cipher reads as few as eight bits of each of a seed's three words: the third holds what
    # is above them, apart for seeds and passes.
    words = [tf.fill([batch_size], np.int64(seed)), passes, passes // 256 + 31 * (seed // 256)]
    # The public wrapper pads the wrong axis where each place has a seed of its own. Four rounds,
    # the default, leave much of one pass's order in the next.
    return tf.raw_ops.RandomIndexShuffle(
        index=places - passes * num_rows,
        seed=tf.stack(words, axis=1),
        max_index=np.int64(num_rows - 1),
        rounds=8,
    )


def step_seed(seed, step, stream):
    """Seed `(2,)` of one stateless random operation; `stream` 0 to 3 tells a step's apart."""
    return tf.stack([np.int64(seed), 4 * step + stream])


def endless_batches(make_batch, steps, first_epoch, steps_per_epoch=None):
    """Batches from the first one of epoch `first_epoch` on, `steps` an epoch.

    Args:
        make_batch: Function of a step number, an int64 scalar, that returns tensors.
        steps: Batches an epoch.
        first_epoch: Epoch to begin with.
        steps_per_epoch: Batches an epoch in place of `steps`, if not None.

    Returns:
        Endless `tf.data.Dataset`.

    Raises:
        ValueError: If `first_epoch` is no epoch, or there is no step.
    """
    if steps_per_epoch is not None:
        steps = positive_int("steps_per_epoch", steps_per_epoch)
    if non_negative("first_epoch", first_epoch) % 1:
        raise ValueError(f"`first_epoch` must be a whole number. {describe(first_epoch)}.")
    batches = tf.data.Dataset.counter(np.int64(int(first_epoch) * steps))
    return parallel_map(batches, make_batch).prefetch(tf.data.AUTOTUNE)
