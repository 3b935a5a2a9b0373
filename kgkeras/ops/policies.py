"""Precision of the layers that are made within a block."""

import contextlib

import keras


@contextlib.contextmanager
def default_policy(policy):
    """Makes `policy` the one of layers that are made without a `dtype`; None changes nothing.

    Args:
        policy: `keras.DTypePolicy`, its name, or None.
    """
    before = keras.config.dtype_policy()
    if policy is not None:
        keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
