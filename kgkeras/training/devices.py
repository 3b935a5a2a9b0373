"""Devices to train on."""

import functools

import tensorflow as tf

from kgkeras.checks import positive_int


def make_strategy(devices=1):
    """A strategy over so many GPUs or, where there are none, logical CPU devices.

    The same number gives the same strategy: a second one over the same devices would fail.

    Args:
        devices: Number of replicas. 1 gives TensorFlow's default strategy.

    Returns:
        `tf.distribute.Strategy`; make models and call `fit` inside its `scope()`.

    Raises:
        ValueError: If there are GPUs, but fewer than `devices`.
        RuntimeError: If TensorFlow has already started with fewer logical CPU devices.
    """
    devices = positive_int("devices", devices)
    return tf.distribute.get_strategy() if devices == 1 else _mirrored(devices)


@functools.cache
def _mirrored(devices):
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and len(gpus) < devices:
        raise ValueError(f"`devices` must be at most {len(gpus)} GPUs. Received: {devices}.")
    kind = "GPU" if gpus else "CPU"
    if not gpus:
        _split_cpu(devices)
    return tf.distribute.MirroredStrategy([f"{kind}:{i}" for i in range(devices)])


def _split_cpu(devices):
    cpu = tf.config.list_physical_devices("CPU")[0]
    configured = tf.config.get_logical_device_configuration(cpu) or []
    if len(configured) >= devices:
        return
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * devices
        )
    except RuntimeError as error:
        raise RuntimeError(
            f"Cannot make {devices} logical CPU devices: TensorFlow has already started. "
            "Call `make_strategy` before anything else uses TensorFlow."
        ) from error
