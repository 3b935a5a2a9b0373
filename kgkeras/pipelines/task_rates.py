"""How often each task comes."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import positive_int


def task_rates(sizes, temperature=1.0):
    """`p_i = N_i^(1/T) / sum_j N_j^(1/T)`: how often a task of `N_i` examples comes.

    Args:
        sizes: Dict from the name of each task to its number of examples.
        temperature: `T`, at least 1: by size at 1, all alike at infinity (`numpy.inf`).

    Returns:
        Dict from name to probability.

    Raises:
        ValueError: If an argument is out of range.

    Reference: Devlin et al., multilingual BERT; Raffel et al., T5, JMLR 2020, section 3.5.2.
    """
    if not temperature >= 1:
        raise ValueError(f"`temperature` must be at least 1. Received: {temperature!r}.")
    for name, size in sizes.items():
        positive_int(f"sizes[{name!r}]", size)
    shares = np.array(list(sizes.values()), float) ** (1 / temperature)
    return dict(zip(sizes, (shares / shares.sum()).tolist(), strict=True))


def annealed_task_rates(sizes, steps, last=0.2):
    """By size at first, more and more alike: `p_i ~ N_i^a` with `a = 1 - (1 - last) t / steps`.

    Args:
        sizes: As of `task_rates`.
        steps: Steps of the whole training.
        last: The exponent at its end, in `[0, 1]`.

    Returns:
        Function from a step, an int64 tensor of any shape, to probabilities `(*shape, tasks)`.

    Raises:
        ValueError: If an argument is out of range.

    Reference: Stickland and Murray, BERT and PALs, ICML 2019, equation 3.
    """
    task_rates(sizes)
    positive_int("steps", steps)
    if not 0 <= last <= 1:
        raise ValueError(f"`last` must be in [0, 1]. Received: {last!r}.")
    logs = tf.math.log(tf.constant(list(sizes.values()), tf.float32))

    def rates(step):
        done = tf.clip_by_value(tf.cast(step, tf.float32) / steps, 0.0, 1.0)
        return tf.nn.softmax((1 - (1 - last) * done)[..., None] * logs)

    return rates
