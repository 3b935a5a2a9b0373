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
