"""Tells from a SavedModel's files alone whether TensorFlow Serving can load and answer from it."""

import pathlib
import warnings

from kgkeras.export.check_graph import check_graph
from kgkeras.export.check_signatures import check_signatures
from kgkeras.export.check_variables import check_variables
from kgkeras.export.problem import ExportError, Problem
from kgkeras.export.proto import read_meta_graph
from kgkeras.export.versions import is_version


def check_saved_model(folder, *, version=None):
    """Lists what TensorFlow Serving would refuse, or what breaks its REST interface or batching.

    Nothing is loaded or run: the check reads the graph, the file names and the checkpoint.

    Args:
        folder: The folder of one version, with `saved_model.pb` in it.
        version: Name of the version folder it will be served from. Defaults to the folder's own.

    Returns:
        A list of `Problem`s, empty for a sound SavedModel.
    """
    folder = pathlib.Path(folder).absolute()
    problems = _check_version(folder.name if version is None else str(version))
    try:
        meta_graph = read_meta_graph(folder)
    except ExportError as error:
        return [*problems, *error.problems]
    return [
        *problems,
        *check_signatures(meta_graph),
        *check_graph(meta_graph),
        *_check_assets(folder, meta_graph),
        *check_variables(folder, meta_graph),
    ]


def refuse(folder, *, version=None):
    """Raises unless `check_saved_model` finds nothing fatal; warns of the rest.

    Args:
        folder: The folder of one version, with `saved_model.pb` in it.
        version: Name of the version folder it will be served from. Defaults to the folder's own.

    Raises:
        ExportError: With every fatal problem.
    """
    problems = check_saved_model(folder, version=version)
    fatal = [problem for problem in problems if problem.fatal]
    if fatal:
        raise ExportError(folder, fatal)
    for problem in problems:
        warnings.warn(f"SavedModel in {folder}: {problem}", stacklevel=2)


def _check_version(name):
    if is_version(name):
        return []
    what = "the server takes only folders whose name is an integer of 0 to 2**63 - 1."
    return [Problem(f"version folder {name!r}", what)]


def _check_assets(folder, meta_graph):
    names = sorted({asset.filename for asset in meta_graph.asset_file_def})
    return [
        Problem(f"assets/{name}", "the graph reads this file, but it is not there.")
        for name in names
        if not (folder / "assets" / name).is_file()
    ]
