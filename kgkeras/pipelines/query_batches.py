"""Queries with all their answers, for losses that know several true tails a row."""

import dataclasses

import numpy as np
import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.pipelines.pair_keys import pair_keys, tail_queries
from kgkeras.pipelines.passes import (
    check_triples,
    checked_batch_size,
    endless_batches,
    shuffled_rows,
)


def query_steps(graph, batch_size, max_answers=None):
    """Batches of queries in one epoch: enough to hold every row.

    Args:
        graph: `kgkeras.kg.KnowledgeGraph`.
        batch_size: Rows a batch.
        max_answers: As in `query_batches`.

    Raises:
        ValueError: If the graph holds no triple.
    """
    return -(-len(_group(graph, max_answers).head) // positive_int("batch_size", batch_size))


def query_batches(
    graph, *, batch_size, max_answers=None, first_epoch=0, steps_per_epoch=None, seed=0
):
    """Endless training batches of queries `(head, relation)` and their true tails.

    The stream runs through all rows again and again as that of `one_vs_all_batches` does, and
    resumes as it does; an epoch is `query_steps` batches. A triple that the graph repeats is told
    once.

    Args:
        graph: `kgkeras.kg.KnowledgeGraph`; reciprocal models want `graph.with_inverses()`.
        batch_size: Rows a batch, a multiple of the number of replicas.
        max_answers: None puts all answers of a query into one row ("KvsAll"); the width of a batch
            is the next power of two of its longest row, so that few shapes occur. A number puts at
            most so many into one, shares the answers of a longer query evenly among several rows,
            and is the width of every batch. That is for `losses.CrossEntropyLoss`, which counts
            answers by themselves: another loss takes the answers of other rows for wrong ones.
        first_epoch: Epoch to begin with.
        steps_per_epoch: Batches an epoch, as `fit` is told; `query_steps` where None.
        seed: Seed of the orders.

    Returns:
        `tf.data.Dataset` of dicts of int32 tensors: `head`, `relation` and `tail` (one of the
        answers) `(batch_size,)`, and `answers` `(batch_size, width)`, each row ascending, then -1.

    Raises:
        ValueError: If the graph holds no triple, or the replicas cannot share a batch.
    """
    batch_size = checked_batch_size(batch_size)
    rows = _group(graph, max_answers)
    num_rows = len(rows.head)
    columns = tf.convert_to_tensor(np.stack([rows.head, rows.relation], axis=1))
    starts, tails = tf.convert_to_tensor(rows.starts), tf.convert_to_tensor(rows.tails)

    def batch(step):
        chosen = shuffled_rows(step, batch_size, num_rows, seed)
        head, relation = tf.unstack(tf.gather(columns, chosen), axis=1)
        start, end = tf.gather(starts, chosen), tf.gather(starts, chosen + 1)
        places = tf.raw_ops.RaggedRange(starts=start, limits=end, deltas=np.int64(1))
        answers = tf.RaggedTensor.from_row_splits(
            tf.gather(tails, places.rt_dense_values), places.rt_nested_splits, validate=False
        )
        width = _next_power_of_two(end - start) if max_answers is None else max_answers
        answers = answers.to_tensor(-1, shape=[batch_size, width])
        answers.set_shape([batch_size, max_answers])
        triples = {"head": head, "relation": relation, "tail": answers[:, 0]}
        return {**triples, "answers": answers}

    return endless_batches(batch, -(-num_rows // batch_size), first_epoch, steps_per_epoch)


@dataclasses.dataclass(frozen=True)
class _Rows:
    """Row `i` asks `(head[i], relation[i])`; its answers are `tails[starts[i] : starts[i + 1]]`."""

    head: np.ndarray
    relation: np.ndarray
    starts: np.ndarray
    tails: np.ndarray


def _group(graph, max_answers):
    """The rows of a graph, those of a query next to each other."""
    check_triples(graph)
    num_queries = graph.num_entities * graph.num_relations
    keys = pair_keys(tail_queries(graph), graph.triples[:, 2], num_queries, graph.num_entities)
    queries, tails = np.divmod(keys, graph.num_entities)
    # Where a query begins; behind the last, the number of pairs.
    bounds = np.append(np.flatnonzero(np.diff(queries, prepend=-1)), len(keys))
    if max_answers is not None:
        bounds = _cut(bounds, positive_int("max_answers", max_answers))
    head, relation = np.divmod(queries[bounds[:-1]], graph.num_relations)
    return _Rows(head.astype("int32"), relation.astype("int32"), bounds, tails.astype("int32"))


def _cut(bounds, longest):
    """Bounds with more of them inside intervals above `longest`, which they cut evenly."""
    lengths = np.diff(bounds)
    parts = -(-lengths // longest)
    first = np.cumsum(parts) - parts
    start, length, of = (np.repeat(x, parts) for x in (bounds[:-1], lengths, parts))
    part = np.arange(len(of)) - np.repeat(first, parts)
    return np.append(start + part * length // of, bounds[-1])


def _next_power_of_two(lengths):
    """The smallest power of two that is no less than any of the lengths: an int64 scalar."""
    powers = np.int64(2) ** np.arange(32)
    return tf.gather(powers, tf.searchsorted(powers, tf.reduce_max(lengths)[None])[0])
