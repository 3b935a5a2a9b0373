"""Rows through those of several functions that are chosen for them."""

import keras
from keras import ops


def top_gates(probabilities, k):
    """The `k` largest of each row; the others 0.

    Two or more are scaled to sum to 1. A single one is not: it would be 1, whatever its
    probability, and nothing could be learned of whom to choose.

    Args:
        probabilities: Float tensor `(rows, experts)`.
        k: How many to keep.

    Returns:
        Float tensor `(rows, experts)`.
    """
    if k >= probabilities.shape[-1]:
        return probabilities
    _, chosen = ops.top_k(probabilities, k)
    kept = ops.sum(ops.one_hot(chosen, probabilities.shape[-1], dtype=probabilities.dtype), axis=-2)
    gates = probabilities * kept
    return gates if k == 1 else gates / ops.sum(gates, axis=-1, keepdims=True)


def mixed_experts(experts, rows, gates, sparse):
    """`sum_i gates_i * expert_i(rows)`.

    Args:
        experts: List of functions from `(rows, ...)` to `(rows, ...)`, one shape for all.
        rows: Float tensor `(rows, ...)`.
        gates: Float tensor `(rows, experts)`.
        sparse: Whether to call an expert with those rows only whose gate is not 0. On backends
            that need to know all shapes beforehand, each is called with all rows all the same.

    Returns:
        Float tensor `(rows, ...)`.
    """
    if sparse and keras.backend.backend() == "tensorflow":
        return _dispatched(experts, rows, gates)
    total = 0.0
    for place, expert in enumerate(experts):
        total = total + _beside(gates[:, place], rows) * expert(rows)
    return total


def _beside(gate, rows):
    """`(rows,)` as `(rows, 1, ...)`."""
    return ops.cast(ops.reshape(gate, (-1, *(1 for _ in rows.shape[1:]))), rows.dtype)


def _dispatched(experts, rows, gates):
    import tensorflow as tf

    total = None
    for place, expert in enumerate(experts):
        chosen = tf.where(gates[:, place] > 0)  # (chosen, 1)
        index = chosen[:, 0]
        gate = tf.gather(gates[:, place], index)
        result = _beside(gate, rows) * expert(tf.gather(rows, index))
        shape = tf.concat([tf.shape(rows)[:1], tf.shape(result)[1:]], axis=0)
        result = tf.scatter_nd(chosen, result, tf.cast(shape, chosen.dtype))
        total = result if total is None else total + result
    return total


def load_balance(probabilities, gates):
    """`n * sum_i f_i P_i`: 1 where the experts are chosen alike, `n` where one has all rows.

    Args:
        probabilities: Float tensor `(rows, experts)`, whose means are `P`.
        gates: Float tensor `(rows, experts)`; `f` are the shares of rows whose largest gate is
            that expert's, without a gradient.

    Returns:
        Scalar; 0 where there is no row.

    Reference: Fedus et al., Switch Transformers, JMLR 2022, equations 4 to 6.
    """
    experts = probabilities.shape[-1]
    rows = ops.maximum(ops.cast(ops.shape(gates)[0], "float32"), 1.0)
    first = ops.one_hot(ops.argmax(gates, axis=-1), experts, dtype="float32")
    shares = ops.sum(first, axis=0) / rows
    means = ops.sum(ops.cast(probabilities, "float32"), axis=0) / rows
    return experts * ops.sum(ops.stop_gradient(shares) * means)
