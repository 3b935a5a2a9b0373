"""One seed for everything, and the same numbers each time."""

import keras
import tensorflow as tf


def set_seed(seed):
    """Seeds Python, NumPy and TensorFlow, and makes TensorFlow choose deterministic kernels."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
