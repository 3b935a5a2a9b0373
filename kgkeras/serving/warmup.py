"""Replays the requests that an export brings along, so that the first client need not wait."""

import logging
import pathlib

import tensorflow as tf
from google.protobuf import message

from kgkeras.serving.examples import classify, regress
from kgkeras.serving.status import Code, StatusError, invalid_argument

WARMUP_FILE = pathlib.Path("assets.extra", "tf_serving_warmup_requests")
MAX_RECORDS = 1000

_LOG = logging.getLogger(__name__)


def warm_up(servable):
    """Runs the warmup records of a servable, as TensorFlow Serving does before it answers.

    Args:
        servable: A `Servable`. Where its SavedModel has no warmup file, nothing happens.

    Returns:
        How many records ran.

    Raises:
        StatusError: The first record's that fails: such a version must not be served.
    """
    path = pathlib.Path(servable.path, WARMUP_FILE)
    if not path.is_file():
        return 0
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ModuleNotFoundError:
        _LOG.warning("No warmup: %s needs the package tensorflow-serving-api", path)
        return 0
    count = 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            if count == MAX_RECORDS:
                raise invalid_argument(
                    f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {path}"
                )
            _replay(servable, prediction_log_pb2.PredictionLog.FromString(record))
            count += 1
    except message.DecodeError as error:
        raise invalid_argument(f"Failed to parse warmup record {count} of {path}") from error
    except tf.errors.OpError as error:
        raise StatusError(
            Code(error.error_code), f"Failed to read warmup records at {path}: {error.message}"
        ) from error
    _LOG.info("Ran %d warmup records of %s", count, path)
    return count


def _replay(servable, log):
    """Runs one `PredictionLog`."""
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        inputs = {name: _array(name, tensor) for name, tensor in request.inputs.items()}
        servable.predict(_signature_name(request), inputs)
    elif kind in ("classify_log", "regress_log"):
        request = getattr(log, kind).request
        call = classify if kind == "classify_log" else regress
        call(servable, _signature_name(request), _examples(request.input))
    elif kind is not None:
        raise StatusError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")


def _array(name, tensor):
    """The array that a `TensorProto` holds."""
    try:
        return tf.make_ndarray(tensor)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        told = " ".join(str(error).split())
        raise invalid_argument(f"Malformed tensor {name!r} in a warmup record: {told}") from error


def _signature_name(request):
    return request.model_spec.signature_name or "serving_default"


def _examples(source):
    """The serialised examples of a request, each with the features of its context."""
    if source.WhichOneof("kind") != "example_list_with_context":
        return [example.SerializeToString() for example in source.example_list.examples]
    listed = source.example_list_with_context
    merged = []
    for example in listed.examples:
        whole = tf.train.Example()
        whole.CopyFrom(listed.context)
        whole.MergeFrom(example)
        merged.append(whole.SerializeToString())
    return merged
