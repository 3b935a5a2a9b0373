"""One tensor as JSON, in and out.

Data types go by TensorFlow's own names: `float`, `double`, `int32`, `string`, `half`, ...
"""

import base64
import binascii
import json
import math

import numpy as np

from kgkeras.serving.json_document import show, type_name, utf8
from kgkeras.serving.status import Code, StatusError, invalid_argument

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint32", "uint64")
NUMPY_TYPES = {
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
    "string": np.dtype(object),
    "bool": np.dtype(bool),
    **{name: np.dtype(name) for name in _INTEGERS},
}
_ENCODER = json.JSONEncoder(ensure_ascii=False)
# `bool` is a subclass of `int` in Python but no number in JSON: types are compared exactly.
_JSON_TYPES = {
    "float": {int, float},
    "double": {int, float},
    "string": {str, dict},
    "bool": {bool},
    **{name: {int} for name in _INTEGERS},
}


def float_texts(values):
    """Decimal text of floats: `%g`, or all digits where that would not read back the same.

    Args:
        values: Array of float32 or float64, of any shape.

    Returns:
        A flat list of strings, in the order of the elements.
    """
    flat = values.ravel()
    wide = flat.astype(np.float64).tolist()
    texts = ["%g" % value for value in wide]  # noqa: UP031  (the contract is C's %g)
    with np.errstate(over="ignore"):
        read_back = np.array([float(text) for text in texts], np.float64).astype(flat.dtype)
    digits = 9 if flat.dtype == np.float32 else 17
    for place in np.flatnonzero(read_back != flat):
        texts[place] = f"{wide[place]:.{digits}g}"
    return [_decimal(text) for text in texts]


def is_base64(value):
    """Whether a JSON value is `{"b64": "..."}`, the form of bytes."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_base64(value):
    """The bytes of `{"b64": "..."}`; padding may be missing, as in TensorFlow Serving."""
    if not is_base64(value):
        raise invalid_argument(f"JSON Value: {show(value)} not formatted correctly for base64 data")
    text = utf8(value["b64"])
    if not text.endswith(b"="):
        text += b"=" * (-len(text) % 4)
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise invalid_argument("Unable to base64 decode") from error


def to_array(shape, values, dtype):
    """The array of values that `flatten` returned."""
    with np.errstate(over="ignore"):  # beyond float32 lies infinity, as in TensorFlow Serving
        return np.array(values, NUMPY_TYPES[dtype]).reshape(shape)


def flatten(value, dtype):
    """Checks a JSON value and lays it flat.

    Args:
        value: A number, string, boolean, base64 object, or nested lists of them.
        dtype: The name of the data type wanted.

    Returns:
        `(shape, values)`: the shape as a tuple, the values as a flat list; strings become bytes.

    Raises:
        StatusError: Where lists are ragged or a value is not of the type.
    """
    shape, first = [], value
    while isinstance(first, list):
        shape.append(len(first))
        if not first:
            break
        first = first[0]
    values = [value]
    for level, size in enumerate(shape):
        for item in values:
            if not isinstance(item, list):
                raise _wrong_level(item, level, len(shape))
            if len(item) != size:
                raise invalid_argument(
                    f"Encountered list at unexpected size: {len(item)} at level: {level} "
                    f"expected size: {size}"
                )
        values = [leaf for item in values for leaf in item]
    return tuple(shape), _leaves(values, dtype, len(shape))


def _leaves(values, dtype, rank):
    """Checks the values at the bottom of a tensor; strings become bytes."""
    if dtype not in NUMPY_TYPES:
        shown = show(values[0] if values else [])
        raise StatusError(Code.UNIMPLEMENTED, f"Conversion of JSON Value: {shown} to type: {dtype}")
    types = set(map(type, values))
    if list in types:
        raise invalid_argument(f"Encountered list at unexpected level: {rank} expected < {rank}")
    if not types <= _JSON_TYPES[dtype]:
        wrong = next(value for value in values if type(value) not in _JSON_TYPES[dtype])
        raise _wrong_type(wrong, dtype)
    if dtype == "string":
        return [utf8(v) if isinstance(v, str) else decode_base64(v) for v in values]
    if dtype in _INTEGERS:
        info = np.iinfo(dtype)
        for value in values:
            if not info.min <= value <= info.max:
                raise _wrong_type(value, dtype)
    if dtype in ("float", "double"):
        return [_as_float(value) for value in values]
    return values


def _as_float(value):
    try:
        return float(value)
    except OverflowError as error:
        raise invalid_argument(
            "JSON Parse error: Number too big to be stored in double."
        ) from error


def _wrong_level(value, level, rank):
    return invalid_argument(
        f"JSON Value: {show(value)} found at incorrect level: {level + 1} in the JSON DOM. "
        f"Expected at level: {rank}"
    )


def _wrong_type(value, dtype):
    return invalid_argument(
        f"JSON Value: {show(value)} Type: {type_name(value)} is not of expected type: {dtype}"
    )


def slice_texts(name, array, dtype):
    """The JSON text of each slice of an array along its first axis.

    Args:
        name: Name of the output. Strings go as base64 objects where it ends in `_bytes`.
        array: Array of one axis or more.
        dtype: The name of its data type.

    Returns:
        List of `len(array)` strings.
    """
    flat = array.ravel()
    if dtype in ("float", "double"):
        texts = float_texts(array)
    elif dtype == "bool":
        texts = ["true" if value else "false" for value in flat]
    elif dtype in _INTEGERS:
        texts = [str(value) for value in flat.tolist()]
    elif dtype == "string" and name.endswith("_bytes"):
        texts = [f'{{"b64": "{base64.b64encode(value).decode("ascii")}"}}' for value in flat]
    elif dtype == "string":
        texts = [string_text(value) for value in flat]
    else:
        raise invalid_argument(f"Failed to write JSON value for tensor type: {dtype}")
    for axis in range(array.ndim - 1, 0, -1):
        size = array.shape[axis]
        count = math.prod(array.shape[:axis])
        texts = [list_text(texts[i * size : (i + 1) * size]) for i in range(count)]
    return texts


def string_text(value):
    """The JSON text of a string tensor's element.

    Bytes that are not UTF-8 become what `surrogateescape` turns back into them: TensorFlow Serving
    writes them as they are, though that is not JSON.
    """
    return _ENCODER.encode(value.decode("utf-8", "surrogateescape"))


def _decimal(text):
    """Names what is not finite, and marks whole numbers as floats."""
    names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    if text in names:
        return names[text]
    return text if "." in text or "e" in text else f"{text}.0"


def list_text(texts):
    """A JSON array of values that are JSON text already."""
    return f"[{', '.join(texts)}]"
