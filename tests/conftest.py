"""Settings every test shares: reproducible numbers and a clean Keras session."""

import gc
import json
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import kgkeras  # noqa: F401, I001  (first: it sets TensorFlow's defaults)

import keras
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops

SHARED_DATA = pathlib.Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def reproducible():
    """Same seeds for each test, no TF32, nothing left of the model before."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    keras.utils.set_random_seed(7)
    yield
    # Collecting the garbage of every test would take most of the time.
    keras.utils.clear_session(free_memory=False)


@pytest.fixture(autouse=True, scope="module")
def forgotten_graphs():
    """Lets go of what a file's tests have traced, which would come to gigabytes.

    `tf.custom_gradient` keeps each gradient, and with it the graph that it belongs to, in a
    registry for as long as the process lives (tensorflow/python/ops/custom_gradient.py).
    """
    gradients = ops.gradient_registry._registry
    before = set(gradients)
    yield
    for name in set(gradients) - before:
        del gradients[name]
    gc.collect()


@pytest.fixture
def shared_data():
    """The folder of real benchmarks beside the checkout, where there is one."""
    folder = pathlib.Path(os.environ.get("KGKERAS_DATA", SHARED_DATA))
    if not folder.is_dir():
        pytest.skip(f"needs the benchmark data: no folder {folder}; set KGKERAS_DATA to it")
    return folder


@pytest.fixture(scope="session")
def run_in_clean_process():
    """`run(folder, signature, inputs) -> outputs` in a process without kgkeras.

    `inputs` maps names to nested lists and so does the result; text is `str`, both ways. One
    process, started with the first request, answers all.
    """
    started = []

    def run(folder, signature, inputs):
        if not started:
            script = pathlib.Path(__file__).with_name("clean_process.py")
            # -I: neither the working directory nor PYTHONPATH can bring kgkeras in.
            command = [sys.executable, "-I", str(script)]
            pipe = subprocess.PIPE
            started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        request = {"folder": str(folder), "signature": signature, "inputs": inputs}
        started[0].stdin.write(json.dumps(request) + "\n")
        started[0].stdin.flush()
        reply = json.loads(started[0].stdout.readline())
        assert "error" not in reply, reply["error"]
        return reply["outputs"]

    yield run
    for process in started:
        process.communicate(timeout=60)
        assert process.returncode == 0
