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
from tensorflow.core.protobuf import config_pb2

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
    """A tensor of the graph.

    Args:
        tensor: Its name; empty where it is not a dense tensor.
        dtype: The name of its data type: `float`, `string`, ...
        numpy_type: The type of the arrays that hold it; None where it has none.
        shape: A tuple, None in it for axes of any length; None for any shape.
    """

    tensor: str
    dtype: str
    numpy_type: type | None
    shape: tuple[int | None, ...] | None

    @classmethod
    def from_proto(cls, proto):
        """Reads a `TensorInfo` message."""
        shape = tf.TensorShape(proto.tensor_shape)
        return cls(
            tensor=proto.name,
            dtype=types_pb2.DataType.Name(proto.dtype).removeprefix("DT_").lower(),
            numpy_type=tf.as_dtype(proto.dtype).as_numpy_dtype if proto.dtype else None,
            shape=None if shape.rank is None else tuple(shape),
        )


class Servable:
    """Answers calls of the signatures of one SavedModel, from any number of threads.

    Args:
        path: Folder of the SavedModel.
        version: Its version, a whole number.

    Attributes:
        signatures: Dictionary from name to `Signature`.
        definitions: Dictionary from name to `SignatureDef`, as the SavedModel has them.

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
        self._callables = {}
        self.definitions = dict(meta_graph.signature_def)
        self.signatures = {
            name: Signature(_tensors(definition.inputs), _tensors(definition.outputs))
            for name, definition in self.definitions.items()
        }

    def metadata(self):
        """The signatures as TensorFlow Serving's metadata shows them: protobuf's JSON form."""
        return {
            name: json_format.MessageToDict(
                definition,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            for name, definition in sorted(self.definitions.items())
        }

    def check(self, signature_name, inputs, outputs=None):
        """Raises what `predict` raises for arguments that do not fit the signature."""
        signature = self.signatures.get(signature_name)
        if signature is None:
            raise StatusError(
                Code.FAILED_PRECONDITION,
                f'Serving signature key "{signature_name}" not found.',
            )
        _check_names(inputs, signature.inputs)
        for name, array in inputs.items():
            _check_array(name, array, signature.inputs[name])
        if outputs is not None:
            _check_outputs(outputs, signature.outputs)

    def predict(self, signature_name, inputs, outputs=None):
        """Calls a signature.

        Args:
            signature_name: One of `signatures`.
            inputs: Dictionary of arrays, one an input; strings are arrays of `bytes`.
            outputs: Names of the outputs to compute; all of them by default.

        Returns:
            Dictionary of arrays, one an output.

        Raises:
            StatusError: `FAILED_PRECONDITION` for an unknown signature, `INVALID_ARGUMENT` where
                inputs do not fit it, else the code and message of the operation that failed.
        """
        self.check(signature_name, inputs, outputs)
        signature = self.signatures[signature_name]
        names = list(outputs or signature.outputs)
        try:
            if outputs:
                fetches = [_tensor(name, signature.outputs[name]) for name in names]
                feeds = {signature.inputs[name].tensor: array for name, array in inputs.items()}
                values = self._session.run(fetches, feeds)
            else:
                values = self._callable(signature_name)(*(inputs[n] for n in signature.inputs))
        except tf.errors.OpError as error:
            message = error.message.removeprefix("Graph execution error:").strip()
            raise StatusError(Code(error.error_code), message) from error
        # A string scalar comes as `bytes`, a number as a NumPy scalar.
        return {
            name: np.asarray(value, object) if isinstance(value, bytes) else np.asarray(value)
            for name, value in zip(names, values, strict=True)
        }

    def _callable(self, signature_name):
        """The function from all inputs to all outputs of a signature, each in their order.

        `Session.run` looks the graph's tensors up in each call, which takes as long as all that
        this package does to a request.
        """
        if signature_name not in self._callables:
            signature = self.signatures[signature_name]
            options = config_pb2.CallableOptions(
                feed=[_tensor(name, info) for name, info in signature.inputs.items()],
                fetch=[_tensor(name, info) for name, info in signature.outputs.items()],
            )
            self._callables[signature_name] = self._session._make_callable_from_options(options)
        return self._callables[signature_name]

    def close(self):
        """Frees the session; calls afterwards fail."""
        self._session.close()


def _tensors(infos):
    return {name: TensorInfo.from_proto(info) for name, info in infos.items()}


def _tensor(name, info):
    """The name, in the graph, of a signature's tensor; composite tensors have none."""
    if ":" not in info.tensor:
        raise invalid_argument(f"Tensor {name} of the signature is not a dense tensor.")
    return info.tensor


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


def _check_array(name, array, info):
    """Raises unless the type and the shape of an input are the signature's."""
    _tensor(name, info)
    if array.dtype != info.numpy_type:
        raise invalid_argument(
            f"Expects input {name} to be {info.dtype} but {array.dtype} is provided"
        )
    wanted = info.shape
    if wanted is not None and (
        len(wanted) != array.ndim
        or any(size not in (None, got) for size, got in zip(wanted, array.shape, strict=True))
    ):
        received = ",".join(map(str, array.shape))
        raise invalid_argument(
            f"Expects input {name} to have shape {tf.TensorShape(wanted)} but got shape "
            f"[{received}]"
        )


def _check_outputs(names, known):
    """Raises unless the outputs asked for are among the signature's, each once."""
    seen = set()
    for name in names:
        if name not in known:
            raise invalid_argument(
                f"output tensor alias not found in signature: {name} "
                f"Outputs expected to be in the set {{{','.join(sorted(known))}}}."
            )
        if name in seen:
            raise invalid_argument(f"duplicate output tensor alias: {name}")
        seen.add(name)
