"""Static checks of a SavedModel's checkpoint: it is there, and holds each variable once."""

import collections
import hashlib
import pathlib

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from kgkeras.export.problem import Problem

_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"


def check_variables(folder, meta_graph):
    """Returns the problems of the variables in a SavedModel folder.

    A variable counts as stored twice when a second entry has its name, dtype, shape and bytes.
    Entries that hold one value throughout (fresh biases, say) are equal by chance and do not count.

    Args:
        folder: The folder of the SavedModel.
        meta_graph: Its `MetaGraphDef`.

    Returns:
        A list of `Problem`s.
    """
    prefix = pathlib.Path(folder) / "variables" / "variables"
    files = (f"{prefix.name}.index", f"{prefix.name}.data-*")
    missing = [pattern for pattern in files if not any(prefix.parent.glob(pattern))]
    if missing:
        if not any(node.op == "VarHandleOp" for node in meta_graph.graph_def.node):
            return []
        what = f"the graph has variables, but there is no {' and no '.join(missing)}."
        return [Problem(f"{prefix.parent.name}/", what)]
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        copies = _copies(reader)
        total = sum(_bytes(reader, key) for key in reader.get_variable_to_shape_map())
    except (tf.errors.OpError, IndexError) as error:
        # IndexError is what the reader makes of a file that ends too early.
        return [Problem(f"{prefix.parent.name}/", f"the checkpoint cannot be read: {error}")]
    if not copies:
        return []
    names = sorted({name for name, _ in copies})
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    what = (
        f"{sum(size for _, size in copies)} of {total} bytes are stored a second time: {listed}. "
        "Track lookup tables, tokenizers and linkers only: endpoints bring their variables along."
    )
    return [Problem(f"{prefix.parent.name}/", what)]


def _copies(reader):
    """Returns `(name, bytes)` of each entry that repeats another."""
    objects = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
        reader.get_tensor(_OBJECTS)
    )
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    alike = collections.defaultdict(set)
    for node in objects.nodes:
        for attribute in node.attributes:
            key = attribute.checkpoint_key
            if key in shapes:
                alike[attribute.full_name, dtypes[key], tuple(shapes[key])].add(key)
    copies = []
    for (name, _, _), keys in alike.items():
        if len(keys) > 1:
            digests = [digest for key in keys if (digest := _digest(reader.get_tensor(key)))]
            copies += [(name, _bytes(reader, min(keys)))] * (len(digests) - len(set(digests)))
    return copies


def _digest(value):
    """Returns a hash of the bytes; `None` for text and for one value throughout."""
    array = np.asarray(value)
    if array.dtype == object or array.size == 0 or (array == array.flat[0]).all():
        return None
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()


def _bytes(reader, key):
    shape = reader.get_variable_to_shape_map()[key]
    return int(np.prod(shape)) * reader.get_variable_to_dtype_map()[key].size
