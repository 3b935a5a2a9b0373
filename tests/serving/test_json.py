"""Laws of the JSON forms, without a server."""

import json
import time

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from kgkeras.serving.json_document import MAX_DEPTH, parse_object
from kgkeras.serving.json_predict import decode_request, encode_columns, encode_rows
from kgkeras.serving.json_tensors import float_texts
from kgkeras.serving.status import Code, StatusError

modest = hypothesis.settings(deadline=None, max_examples=100)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.2, "0.2"),
        (1 / 3, "0.333333343"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (123456, "123456.0"),
        (1e6, "1e+06"),
        (1234567, "1234567.0"),
        (16777216, "16777216.0"),
        (3e-5, "3e-05"),
        (3.4028235e38, "3.40282347e+38"),
        (1e-45, "1.4013e-45"),
        (np.nan, "NaN"),
        (np.inf, "Infinity"),
        (-np.inf, "-Infinity"),
    ],
)
def test_text_of_float32(value, text):
    assert float_texts(np.array(value, np.float32)) == [text]


def test_text_of_float64():
    values = np.array([0.1, 1 / 3, 2.0**53, np.nan])
    expected = ["0.1", "0.33333333333333331", "9007199254740992.0", "NaN"]
    assert float_texts(values) == expected


@modest
@hypothesis.given(st.lists(st.floats(width=32, allow_nan=False), min_size=1))
def test_float32_reads_back_the_same(values):
    array = np.array(values, np.float32)
    read = np.array([float(text) for text in float_texts(array)], np.float64).astype(np.float32)
    np.testing.assert_array_equal(read, array)


@modest
@hypothesis.given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_float64_reads_back_the_same(values):
    read = np.array([float(text) for text in float_texts(np.array(values, np.float64))])
    np.testing.assert_array_equal(read, values)


shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)


@modest
@hypothesis.given(shapes, st.sampled_from(["float", "int64", "bool", "string"]))
def test_a_tensor_comes_back_from_columns_as_it_went_in(shape, dtype):
    types = {"float": np.float32, "int64": np.int64, "bool": bool, "string": object}
    array = (np.arange(np.prod(shape, dtype=int)).reshape(shape) % 2).astype(types[dtype])
    if dtype == "string":
        array = np.where(array == 1, b"\xff\x00", b"a").astype(object).reshape(shape)
    name = "x_bytes" if dtype == "string" else "x"
    text = encode_columns({name: array}, {name: dtype})
    rows, tensors = decode_request({"inputs": json.loads(text)["outputs"]}, {name: dtype})
    assert not rows
    assert tensors[name].dtype == array.dtype
    # JSON cannot tell how long the axes within an empty list are.
    shown = shape[: shape.index(0) + 1] if 0 in shape else shape
    np.testing.assert_array_equal(tensors[name], array.reshape(shown))


@modest
@hypothesis.given(st.integers(1, 4), shapes.filter(lambda shape: 0 not in shape), shapes)
def test_rows_are_columns_transposed(batch, first, second):
    outputs = {
        "a": np.arange(batch * np.prod(first, dtype=int)).reshape(batch, *first),
        "b": np.arange(batch * np.prod(second, dtype=int)).reshape(batch, *second),
    }
    dtypes = {"a": "int64", "b": "int64"}
    predictions = json.loads(encode_rows(outputs, dtypes))["predictions"]
    columns = json.loads(encode_columns(outputs, dtypes))["outputs"]
    assert [row["a"] for row in predictions] == columns["a"]
    assert [row["b"] for row in predictions] == columns["b"]


def test_float32_tensors_take_any_number():
    body = parse_object(b'{"inputs": [1, 16777217, 1e39, -1e39, NaN, 123456789012345678901234]}')
    _, tensors = decode_request(body, {"x": "float"})
    expected = np.array([1, 16777216, np.inf, -np.inf, np.nan, 1.2345679e23], np.float32)
    np.testing.assert_array_equal(tensors["x"], expected)


def test_empty_tensors_of_types_that_json_cannot_feed_are_refused_too():
    with pytest.raises(StatusError, match=r"Conversion of JSON Value: \[\] to type: half") as error:
        decode_request({"inputs": []}, {"x": "half"})
    assert error.value.code == Code.UNIMPLEMENTED
    assert str(error.value).startswith("UNIMPLEMENTED: ")


def test_depth_counts_brackets_outside_strings():
    # The outer object is one level.
    deepest = b'{"a": ' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"
    assert parse_object(deepest)
    with pytest.raises(StatusError, match=f"may nest {MAX_DEPTH} deep. Received: {MAX_DEPTH + 1}"):
        parse_object(deepest.replace(b"[]", b"[[]]"))
    text = '[{"' * 100 + "\\"
    assert parse_object(json.dumps({"a": text, "b": [text]}).encode()) == {"a": text, "b": [text]}


@pytest.mark.parametrize("body", [b'{"a": "' + b'\\"' * 2**16, b'{"' + b"\\" * 2**16])
def test_a_string_left_open_takes_no_longer_than_it_is_long(body):
    start = time.monotonic()
    with pytest.raises(StatusError, match=r"JSON Parse error: Invalid value\."):
        parse_object(body)
    assert time.monotonic() - start < 2  # quadratic, it would take ten times as long


def test_long_values_are_cut_in_messages():
    with pytest.raises(StatusError, match=r"aaa\.\.\. Is not object"):
        parse_object(b'"' + b"a" * 10_000 + b'"')
