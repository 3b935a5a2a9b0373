"""The commands that serve an exported model and ask it."""

import json
import pathlib
import shlex
import sys


def usage(folder, instance, port=8501):
    """Two shell commands: one serves the model, one sends it a request.

    Args:
        folder: Folder of a version, such as `saved_models/joint/1`.
        instance: What the request holds: a text, or a dict of named inputs.
        port: REST port.

    Returns:
        Tuple of two strings.
    """
    base = pathlib.Path(folder).parent
    # The command of this very environment, which need not be activated.
    command = shlex.quote(str(pathlib.Path(sys.executable).with_name("kgkeras")))
    request = shlex.quote(json.dumps({"instances": [instance]}, ensure_ascii=False))
    return (
        f"{command} serve --model_name {base.name} --model_base_path {shlex.quote(str(base))} "
        f"--rest_api_port {port}",
        f"curl -d {request} http://127.0.0.1:{port}/v1/models/{base.name}:predict",
    )
