"""One version of a model, loaded the way TensorFlow Serving loads it: a graph in a session.

No model code is imported: what a SavedModel needs beyond TensorFlow's own operations is TF Text's.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  (registers its operations, which TensorFlow Serving links)
from google.protobuf import json_format
from tensorflow.core.framework import types_pb2

from kgkeras.serving.json_tensors import NUMPY_TYPES
from kgkeras.serving.status import Code, StatusError, invalid_argument

# What TensorFlow raises for a folder that is no SavedModel, or one that it cannot restore.
_LOAD_ERRORS = (OSError, ValueError, RuntimeError, KeyError, TypeError, tf.errors.OpError)


@dataclasses.dataclass(frozen=True)
class Signature:
    """The names, by which clients call, of the tensors of the graph."""

    inputs: Mapping[str, "TensorInfo"]
    outputs: Mapping[str, "TensorInfo"]


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """The name of a tensor in the graph, and of its data type: `float`, `string`, ..."""

    tensor: str
    dtype: str


class Servable:
    """Answers calls of the signatures of one SavedModel, from any number of threads.

    Args:
        path: Folder of the SavedModel.
        version: Its version, a whole number.

    Attributes:
        signatures: Dictionary from name to `Signature`.

    Raises:
        StatusError: `FAILED_PRECONDITION` where the SavedModel cannot be loaded.
    """

    def __init__(self, path, version):
        self.path = path
        self.version = version
        self._graph = tf.Graph()
        # Beside a training run, on one accelerator: take no more memory than is used.
        config = tf.compat.v1.ConfigProto(gpu_options={"allow_growth": True})
        self._session = tf.compat.v1.Session(graph=self._graph, config=config)
        try:
            with self._graph.as_default():
                meta_graph = tf.compat.v1.saved_model.loader.load(
                    self._session, [tf.saved_model.SERVING], str(path)
                )
        except _LOAD_ERRORS as error:
            self.close()
            raise StatusError(
                Code.FAILED_PRECONDITION, f"Cannot load the SavedModel in {path}: {error}"
            ) from error
        self._graph.finalize()
        self._definitions = dict(meta_graph.signature_def)
        self.signatures = {
            name: Signature(_tensors(definition.inputs), _tensors(definition.outputs))
            for name, definition in self._definitions.items()
        }

    def metadata(self):
        """The signatures as TensorFlow Serving's metadata shows them: protobuf's JSON form."""
        return {
            name: json_format.MessageToDict(
                definition,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            for name, definition in sorted(self._definitions.items())
        }

    def predict(self, signature_name, inputs):
        """Calls a signature.

        Args:
            signature_name: One of `signatures`.
            inputs: Dictionary of arrays, one an input; strings are arrays of `bytes`.

        Returns:
            Dictionary of arrays, one an output.

        Raises:
            StatusError: `FAILED_PRECONDITION` for an unknown signature, `INVALID_ARGUMENT` where
                inputs do not fit it, else the code and message of the operation that failed.
        """
        signature = self.signatures.get(signature_name)
        if signature is None:
            raise StatusError(
                Code.FAILED_PRECONDITION,
                f'Serving signature key "{signature_name}" not found.',
            )
        _check_names(inputs, signature.inputs)
        feeds = {
            self._tensor(name, signature.inputs[name]): self._checked(
                name, array, signature.inputs[name]
            )
            for name, array in inputs.items()
        }
        fetches = {name: self._tensor(name, info) for name, info in signature.outputs.items()}
        try:
            outputs = self._session.run(fetches, feeds)
        except tf.errors.OpError as error:
            message = error.message.removeprefix("Graph execution error:").strip()
            raise StatusError(Code(error.error_code), message) from error
        # A string scalar comes as `bytes`, a number as a NumPy scalar.
        return {
            name: np.asarray(value, object) if isinstance(value, bytes) else np.asarray(value)
            for name, value in outputs.items()
        }

    def close(self):
        """Frees the session; calls afterwards fail."""
        self._session.close()

    def _tensor(self, name, info):
        """The tensor of the graph behind a name; composite tensors have none."""
        if not info.tensor:
            raise invalid_argument(f"Tensor {name} of the signature is not a dense tensor.")
        return self._graph.get_tensor_by_name(info.tensor)

    def _checked(self, name, array, info):
        """Returns `array`, or raises unless its type and shape are the signature's."""
        if array.dtype != NUMPY_TYPES.get(info.dtype):
            raise invalid_argument(
                f"Expects input {name} to be {info.dtype} but {array.dtype} is provided"
            )
        wanted = self._tensor(name, info).shape
        if not wanted.is_compatible_with(array.shape):
            received = ",".join(map(str, array.shape))
            raise invalid_argument(
                f"Expects input {name} to have shape {wanted} but got shape [{received}]"
            )
        return array


def _tensors(infos):
    return {
        name: TensorInfo(info.name, types_pb2.DataType.Name(info.dtype).removeprefix("DT_").lower())
        for name, info in infos.items()
    }


def _check_names(sent, wanted):
    """Raises unless exactly the inputs of the signature were sent."""
    if sent.keys() == wanted.keys():
        return
    extra = ",".join(sorted(sent.keys() - wanted.keys()))
    missing = ",".join(sorted(wanted.keys() - sent.keys()))
    raise invalid_argument(
        f"input size does not match signature: {len(sent)}!={len(wanted)} "
        f"len({{{','.join(sorted(sent))}}}) != len({{{','.join(sorted(wanted))}}}). "
        f"Sent extra: {{{extra}}}. Missing but required: {{{missing}}}."
    )
