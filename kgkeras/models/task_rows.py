"""Batches of several tasks that replicas can split.

A strategy splits all tensors of a batch alike, at their first axes, which must be equally long; the
tasks' batches are not. So `pipelines.mixed_batches` lays each out as `(rows, examples a row, ...)`
with as many rows for all tasks, and here they are laid flat again.
"""

import keras
from keras import ops


def flat_batch(model, batch):
    """`(x, y, sample_weight)` with the examples of each task along the first axes.

    Args:
        model: A `MultiTaskModel`.
        batch: What its step is given; examples may lie flat already.

    Raises:
        ValueError: If the batch lacks a task.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    for part in (x, y):
        if part is not None and (missing := sorted(set(model.input) - set(part))):
            raise ValueError(
                f"A batch must hold each of the tasks {sorted(model.input)}, be it without "
                f"examples, as `pipelines.mixed_batches` makes it. Missing: {missing}."
            )
    flat = {}, {}, None if sample_weight is None else {}
    for name, wanted in model.input.items():
        inputs = {column: x[name][column] for column in wanted}
        column, spec = next(iter(wanted.items()))
        in_rows = len(inputs[column].shape) == len(spec.shape) + 1
        for kept, given in zip(
            flat, (inputs, y and y[name], (sample_weight or {}).get(name)), strict=False
        ):
            if kept is not None:
                kept[name] = keras.tree.map_structure(_flat, given) if in_rows else given
    return flat


def num_examples(x):
    """The number of examples of all tasks of a flat batch."""
    return sum(ops.shape(keras.tree.flatten(inputs)[0])[0] for inputs in x.values())


def _flat(tensor):
    if tensor is None:
        return None
    shape = ops.shape(tensor)
    return ops.reshape(tensor, (shape[0] * shape[1], *shape[2:]))
