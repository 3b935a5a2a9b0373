"""An agreement between lookups and optimizers: whether gradients of tables may stay sparse.

The gradient of a lookup has one slice per id. Stock optimizers want it summed into a dense tensor
of the table's size; a row-wise optimizer sums repeated rows itself, in a fraction of the time. A
lookup cannot see who will use its gradient, so a row-wise optimizer says so in `scale_loss`, which
Keras calls between the forward pass and the gradient:

1. the lookup notes the `moment` of its forward pass;
2. the optimizer calls `expect_rows`;
3. the lookup's gradient asks `rows_expected` whether that happened since its forward pass;
4. the optimizer, in `apply`, calls `stop_expecting`.

What an interrupted step leaves behind is older than every later forward pass and counts no more.
"""

import threading

import keras

_thread = threading.local()


def moment():
    """The number of times that this thread has called `expect_rows`."""
    return getattr(_thread, "moment", 0)


def expect_rows(wants):
    """Says who uses the gradients that this thread computes next.

    Args:
        wants: Function from a `keras.Variable` to whether its gradient may be `tf.IndexedSlices`
            with repeated rows.
    """
    _thread.moment = moment() + 1
    _thread.wants = wants


def expecting():
    """Whether this thread is between `expect_rows` and `stop_expecting`."""
    return getattr(_thread, "wants", None) is not None


def stop_expecting():
    """Ends what `expect_rows` began."""
    _thread.wants = None


def rows_expected(variable, since):
    """Whether the gradient of `variable` may stay sparse.

    Args:
        variable: What was looked up in. Only a `keras.Variable` belongs to an optimizer.
        since: The `moment` of the forward pass.
    """
    wants = getattr(_thread, "wants", None)
    if wants is None or moment() <= since or not isinstance(variable, keras.Variable):
        return False
    return wants(variable)
