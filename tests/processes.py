"""Python code run in a process of its own: another backend, other devices, a bare interpreter."""

import json
import os
import subprocess
import sys


def output(script, *arguments, **environment):
    """What `script` writes to standard output; where it fails, the error shows what it said.

    `arguments` become its `sys.argv[1:]`, `environment` joins that of this process.
    """
    run = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert run.returncode == 0, f"exit status {run.returncode}\n{run.stderr[-4000:]}"
    return run.stdout.strip()


def last_json(script, *arguments, **environment):
    """The JSON on the last line that `script` writes; arguments as in `output`."""
    return json.loads(output(script, *arguments, **environment).splitlines()[-1])


_TWICE = """
import sys
import keras
from kgkeras import training

training.make_strategy(2)  # first: devices are fixed when TensorFlow starts
script, *arguments = sys.argv[1:]
for devices in ("1", "2"):
    keras.utils.clear_session()
    sys.argv[1:] = devices, *arguments
    exec(script, {"__name__": "__main__"})
"""


def one_and_two(script, *arguments):
    """The JSON that `script` writes with `sys.argv[1]`, the number of replicas, at 1 and at 2."""
    one, two = output(_TWICE, script, *arguments).splitlines()[-2:]
    return json.loads(one), json.loads(two)
