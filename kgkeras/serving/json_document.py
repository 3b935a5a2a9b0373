"""Request bodies: JSON text in, one dictionary out, with TensorFlow Serving's error messages.

As in TensorFlow Serving, `NaN`, `Infinity` and `-Infinity` are numbers, and what follows the
closing brace is ignored. Stricter than there: the body must be valid UTF-8, and may nest lists and
objects at most `MAX_DEPTH` deep.
"""

import json
import re

import numpy as np

from kgkeras.serving.status import invalid_argument

MAX_DEPTH = 64  # NumPy's own limit on the axes of an array
_MAX_SHOWN = 500

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
# A string left open runs to the end of the text, which keeps the search linear in its length.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_STEP = np.zeros(256, np.int8)
_STEP[list(b"[{")] = 1
_STEP[list(b"]}")] = -1


def parse_object(body):
    """Parses the body of a request.

    Args:
        body: Bytes, JSON text in UTF-8.

    Returns:
        The top-level object as a dictionary.

    Raises:
        StatusError: `INVALID_ARGUMENT` where the text is empty, is not JSON, nests too deeply, or
            is not an object.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid_argument(
            f"JSON Parse error: Invalid encoding in string. at offset: {error.start}"
        ) from error
    start = _SPACE.match(text).end()
    if start == len(text):
        raise invalid_argument("JSON Parse error: The document is empty")
    depth = _depth(body)
    if depth > MAX_DEPTH:
        raise invalid_argument(
            f"JSON Parse error: Lists and objects may nest {MAX_DEPTH} deep. Received: {depth}"
        )
    try:
        value, _ = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        offset = len(text[: error.pos].encode("utf-8"))
        raise invalid_argument(f"JSON Parse error: Invalid value. at offset: {offset}") from error
    except ValueError as error:  # Python refuses integers of thousands of digits
        raise invalid_argument(
            "JSON Parse error: Number too big to be stored in double."
        ) from error
    if not isinstance(value, dict):
        raise invalid_argument(f"JSON Value: {show(value)} Is not object")
    return value


def signature_name(document):
    """The signature a request asks for: `serving_default` where it names none."""
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid_argument(
            f"JSON Value: {show(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name or "serving_default"


def show(value):
    """The JSON text of `value` for an error message, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def type_name(value):
    """The name that TensorFlow Serving's messages give to the type of a JSON value."""
    if isinstance(value, bool):
        return str(value)
    names = {type(None): "Null", dict: "Object", list: "Array", str: "String"}
    return names.get(type(value), "Number")


def utf8(text):
    """The UTF-8 bytes of a JSON string; half a surrogate pair is no character and is refused."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise invalid_argument(
            "JSON Parse error: The surrogate pair in string is invalid."
        ) from error


def _depth(body):
    """How deep lists and objects nest in `body` at most; exact where that is too deep."""
    opened = body.count(b"[") + body.count(b"{")
    if opened <= MAX_DEPTH:
        return opened
    steps = _STEP[np.frombuffer(_STRING.sub(b"", body), np.uint8)]
    steps = steps[steps != 0]
    return int(np.cumsum(steps, dtype=np.int64).max(initial=0))
