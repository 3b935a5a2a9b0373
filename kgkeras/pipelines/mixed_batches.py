"""Batches of several tasks, each from a stream of its own."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.pipelines.mapping import parallel_map
from kgkeras.pipelines.passes import step_seed


def mixed_batches(streams, rates=None, *, rows=1, first_step=0, seed=0):
    """Endless batches for a `models.MultiTaskModel`.

    Without `rates` each step holds a batch of every task. With them each step holds a batch of one,
    drawn at random, and of the others no example. Everything follows from `seed` and the number of
    the step: training that resumes at step `s` with `first_step=s` sees what it would have seen.

    Args:
        streams: Dict from the name of each task to an endless `tf.data.Dataset` of batches, `(x,
            y)` or `(x, y, sample_weight)`: `x` a dict of tensors, `y` a tensor or a structure of
            them, all with the examples along the first axis.
        rates: Dict from the name of each task to how often it comes, as `task_rates` returns it; or
            a function of the step, as `annealed_task_rates` returns it; None for all in each step.
        rows: Number of equal parts that replicas may split a batch into: a multiple of their
            number that divides the size of each task's batches.
        first_step: Step to begin with. What was taken of the streams before is skipped, which
            takes the time to make it.
        seed: Seed of the choice of tasks.

    Returns:
        `tf.data.Dataset` of `(x, y)` or `(x, y, sample_weight)`, dicts by the name of the task, of
        tensors `(rows, examples a row, ...)`.

    Raises:
        ValueError: If `streams` is empty or its batches have no such form, or the rates are not of
            these tasks.
    """
    rows, first_step = positive_int("rows", rows), int(first_step)
    streams = {name: _laid_out(stream, rows) for name, stream in _checked(streams).items()}
    if rates is None:
        streams = {name: stream.skip(first_step) for name, stream in streams.items()}
        mixed = parallel_map(tf.data.Dataset.zip(streams), _by_part)
    else:
        rates = _rates_of_step(rates, list(streams))
        counts = _draw_counts(rates, len(streams), first_step, seed)
        alone = [
            parallel_map(stream.skip(int(count)), _Alone(streams, name))
            for (name, stream), count in zip(streams.items(), counts, strict=True)
        ]
        steps = tf.data.Dataset.counter(np.int64(first_step))
        choices = steps.map(
            tf.autograph.experimental.do_not_convert(lambda step: _draw(rates, step, seed))
        )
        mixed = tf.data.Dataset.choose_from_datasets(alone, choices, stop_on_empty_dataset=True)
    return mixed.prefetch(tf.data.AUTOTUNE)


def task_batches(streams):
    """One pass over each task's batches, one task after the other, for `evaluate`.

    Args:
        streams: As of `mixed_batches`, but each with an end; batches may differ in size.

    Returns:
        `tf.data.Dataset` as of `mixed_batches`: a batch of one task, and of the others no example.
    """
    streams = {name: _laid_out(stream, 1) for name, stream in _checked(streams).items()}
    batches = None
    for name, stream in streams.items():
        alone = parallel_map(stream, _Alone(streams, name))
        batches = alone if batches is None else batches.concatenate(alone)
    return batches.prefetch(tf.data.AUTOTUNE)


def _checked(streams):
    if not streams:
        raise ValueError("`streams` must hold at least one task. Received: none.")
    lengths = set()
    for name, stream in streams.items():
        spec = stream.element_spec
        if not isinstance(spec, tuple) or len(spec) not in (2, 3) or not isinstance(spec[0], dict):
            raise ValueError(
                f"`streams[{name!r}]` must give (x, y) or (x, y, sample_weight), x a dict of "
                f"tensors. Received: {spec}."
            )
        lengths.add(len(spec))
    if len(lengths) > 1:
        raise ValueError("Either all of `streams` must give sample weights, or none.")
    return streams


def _laid_out(stream, rows):
    """The batches as `(rows, examples a row, ...)`."""

    def lay_out(tensor):
        shape = tf.shape(tensor)
        laid = tf.reshape(tensor, tf.concat([[rows, shape[0] // rows], shape[1:]], axis=0))
        laid.set_shape([rows, None, *tensor.shape[1:]])
        return laid

    def of_batch(*parts):
        size = tf.shape(tf.nest.flatten(parts)[0])[0]
        fits = tf.debugging.assert_equal(
            size % rows, 0, message=f"`rows`, {rows}, must divide the size of each batch."
        )
        with tf.control_dependencies([fits]):
            return tf.nest.map_structure(lay_out, parts)

    return parallel_map(stream, of_batch)


def _by_part(batches):
    """A dict of tuples as a tuple of dicts."""
    parts = range(len(next(iter(batches.values()))))
    return tuple({name: batch[part] for name, batch in batches.items()} for part in parts)


class _Alone:
    """Puts no example of each other task beside a batch of one."""

    def __init__(self, streams, name):
        self._name = name
        self._specs = {task: s.element_spec for task, s in streams.items() if task != name}
        self._order = list(streams)

    def __call__(self, *batch):
        batches = {self._name: batch}
        for name, specs in self._specs.items():
            batches[name] = tf.nest.map_structure(_nothing, specs)
        return _by_part({name: batches[name] for name in self._order})


def _nothing(spec):
    rows, _, *rest = spec.shape
    # Not 0 where the length is open: a maximum over no words has no value.
    nothing = tf.zeros((rows, 0, *(1 if size is None else size for size in rest)), spec.dtype)
    return tf.ensure_shape(tf.identity(nothing), nothing.shape)


def _rates_of_step(rates, names):
    """A function from steps to probabilities, in the order of the tasks."""
    if callable(rates):
        return rates
    if set(rates) != set(names) or not all(rate >= 0 for rate in rates.values()):
        raise ValueError(
            f"`rates` must hold a number of at least 0 for each of {names}. Received: {rates}."
        )
    values = np.array([rates[name] for name in names], "float32")
    if not values.sum() > 0:
        raise ValueError(f"`rates` must not all be 0. Received: {rates}.")
    values = tf.constant(values / values.sum())
    return lambda step: tf.broadcast_to(values, [*step.shape, len(names)])


def _draw(rates, step, seed):
    """The place of the task of a step, int64."""
    draw = tf.random.stateless_uniform([], seed=step_seed(seed, step, 0))
    ends = tf.cumsum(rates(step))
    last = tf.size(ends, tf.int64) - 1
    return tf.minimum(tf.reduce_sum(tf.cast(draw >= ends, tf.int64)), last)


def _draw_counts(rates, num_tasks, steps, seed):
    """How often each task was drawn before a step."""
    if not steps:
        return [0] * num_tasks
    drawn = tf.data.Dataset.range(steps).map(lambda step: _draw(rates, step, seed)).batch(steps)
    return np.bincount(drawn.get_single_element().numpy(), minlength=num_tasks)
