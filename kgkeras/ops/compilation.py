"""Compiles a function of tensors the way the backend does it."""

import functools

import keras


def compiled(function, variables=()):
    """A compiled version of `function`: `tf.function`, `jax.jit`, or `function` itself.

    Args:
        function: Function of tensors that returns tensors or a nest of them, and changes nothing.
        variables: The `keras.Variable`s that it reads. JAX would otherwise make constants of them:
            compiled in, and never seen to change.

    Returns:
        A function of the same arguments, which may be NumPy arrays too. TensorFlow traces it for
        the first shape of its arguments, and once more for all other shapes of the same rank; JAX
        compiles it for each shape.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # TensorFlow counts traces by source line, and takes many models for one function that is
        # traced again and again; a partial counts by itself.
        return tf.function(functools.partial(function), autograph=False, reduce_retracing=True)
    if keras.backend.backend() == "jax":
        return _jitted(function, list(variables))
    return function


def fused(function):
    """`function` in one pass over its arguments, where TensorFlow would take one for each step.

    For chains of element-wise operations and reductions on tensors too large for the caches: XLA
    compiles them for each shape. Other backends fuse what they compile anyway.

    Args:
        function: Function of tensors that returns tensors, and changes nothing.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, autograph=False, jit_compile=True)


def _jitted(function, variables):
    import jax

    @jax.jit
    def pure(values, *arguments):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*arguments)

    return lambda *arguments: pure([variable.value for variable in variables], *arguments)
