"""Argument checks that speak with one voice: what was wanted, what was received."""

import math
import numbers


def describe(value):
    """The value and its type, as every error message ends."""
    return f"Received: {value!r} (type {type(value).__name__})"


def positive_int(name, value):
    """Returns `value` as `int`, or raises `ValueError` unless it is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. {describe(value)}.")
    return int(value)


def non_negative(name, value):
    """Returns `value` as `float`, or raises `ValueError` unless it is finite and at least 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ValueError(f"`{name}` must be a number of at least 0. {describe(value)}.")
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"`{name}` must be finite and at least 0. {describe(value)}.")
    return float(value)


def positive(name, value):
    """Returns `value` as `float`, or raises `ValueError` unless it is finite and above 0."""
    if not non_negative(name, value):
        raise ValueError(f"`{name}` must be above 0. {describe(value)}.")
    return float(value)


def rate(name, value):
    """Returns `value` as `float`, or raises `ValueError` unless it lies in `[0, 1)`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= value < 1:
        raise ValueError(f"`{name}` must be a rate in [0, 1). {describe(value)}.")
    return float(value)


def fraction(name, value):
    """Returns `value` as `float`, or raises `ValueError` unless it lies in `[0, 1]`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be between 0 and 1. {describe(value)}.")
    return float(value)


def one_of(name, value, choices):
    """Returns `value`, or raises `ValueError` unless it is one of `choices`."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"`{name}` must be one of {listed}. {describe(value)}.")
    return value
