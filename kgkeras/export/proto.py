"""Reads the `saved_model.pb` of a SavedModel without loading the model."""

import pathlib

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from kgkeras.export.problem import ExportError, Problem

# Protocol buffers end at 2 GiB; beyond it no server can read the file.
_LARGEST = 2**31


def read_meta_graph(folder):
    """Returns the one graph in a SavedModel folder that TensorFlow Serving would load.

    Args:
        folder: The folder that holds `saved_model.pb`.

    Returns:
        The `MetaGraphDef` tagged `serve` and nothing else.

    Raises:
        ExportError: If there is no such file, it cannot be read, or it has no such graph.
    """
    path = pathlib.Path(folder) / "saved_model.pb"

    def refuse(what, cause=None):
        raise ExportError(folder, [Problem(path.name, what)]) from cause

    if not path.is_file():
        refuse(f"there is no such file in {folder}.")
    if path.stat().st_size >= _LARGEST:
        refuse(
            f"it holds {path.stat().st_size} bytes, and 2 GiB is the limit. Keep vocabularies in "
            "files and weights in variables instead of constants."
        )
    try:
        saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except DecodeError as error:
        refuse("it is not a SavedModel protocol buffer.", error)
    for meta_graph in saved_model.meta_graphs:
        if set(meta_graph.meta_info_def.tags) == {tf.saved_model.SERVING}:
            return meta_graph
    tags = [sorted(graph.meta_info_def.tags) for graph in saved_model.meta_graphs]
    return refuse(f"no graph is tagged 'serve' and nothing else. Found the tags: {tags}.")


def signatures(meta_graph):
    """Returns the signatures that answer requests, by name: the loader's own are left out."""
    return {
        name: meta_graph.signature_def[name]
        for name in sorted(meta_graph.signature_def)
        if not name.startswith("__saved_model_")
    }


def dtype_name(info):
    """Returns the name of a `TensorInfo`'s dtype, for example `float32`; `invalid` without one."""
    return tf.dtypes.as_dtype(info.dtype).name if info.dtype else "invalid"


def shape_of(info):
    """Returns a `TensorInfo`'s shape as a list with `None` where open; `None` if unknown."""
    return None if info.tensor_shape.unknown_rank else tf.TensorShape(info.tensor_shape).as_list()
