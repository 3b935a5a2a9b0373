"""Static checks of a SavedModel's signatures: names, dtypes and shapes of what goes in and out."""

import re

from kgkeras.export.problem import Problem
from kgkeras.export.proto import dtype_name, shape_of, signatures

# What TensorFlow Serving reads from and writes to JSON.
_DTYPES = frozenset(
    "float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool string".split()
)
_AUTO_NAME = re.compile(
    r"(keras_tensor|input_layer)(_\d+)?|(args|input|inputs|output|outputs|unknown)(_\d+)+"
)
_DEFAULT = "serving_default"


def check_signatures(meta_graph):
    """Returns the problems of all signatures in `meta_graph`.

    Args:
        meta_graph: A `MetaGraphDef`, as `read_meta_graph` returns it.

    Returns:
        A list of `Problem`s.
    """
    found = signatures(meta_graph)
    problems = []
    if _DEFAULT not in found:
        problems.append(
            Problem(
                f"signature {_DEFAULT!r}",
                "there is none, and requests that name no signature need it. "
                f"Found: {', '.join(found) or 'no signature at all'}.",
            )
        )
    for name, signature in found.items():
        for side, infos in (("input", signature.inputs), ("output", signature.outputs)):
            for key in sorted(infos):
                where = f"signature {name!r}, {side} {key!r}"
                problems += [Problem(where, what) for what in _tensor_faults(key, infos[key])]
        kind = _kind(name, signature.method_name)
        faults = {"classify": _classify_faults, "regress": _regress_faults}.get(kind)
        if faults:
            problems += [Problem(f"signature {name!r}", what) for what in faults(signature)]
    return problems


def _tensor_faults(key, info):
    if _AUTO_NAME.fullmatch(key):
        yield (
            "the name was made up by Keras or TensorFlow and changes from export to export. Name "
            "the TensorSpec (inputs) or return a dict (outputs)."
        )
    if info.WhichOneof("encoding") != "name":
        yield "a ragged or sparse tensor cannot be served. Make it dense."
        return
    if dtype_name(info) not in _DTYPES:
        yield f"the dtype {dtype_name(info)} has no form in JSON. Cast it, to float32 say."
    shape = shape_of(info)
    if shape is None:
        yield "the rank is unknown. Set the shape, with the batch as axis 0."
    elif not shape:
        yield "a scalar has no batch axis. Give it the batch as axis 0."
    elif shape[0] is not None:
        yield f"axis 0 must be an open batch axis. Its shape is {shape}."


def _kind(name, method):
    for kind in ("classify", "regress"):
        if name == kind or name.startswith(f"{kind}_") or method == f"tensorflow/serving/{kind}":
            return kind
    return "predict"


def _classify_faults(signature):
    yield from _examples_faults(signature, "classify")
    rest = set(signature.outputs) - {"classes", "scores"}
    if rest or not signature.outputs:
        yield (
            "`classify` needs the outputs `classes` and `scores` (or one of them) and no other. "
            f"Found: {sorted(signature.outputs)}."
        )
    for key, dtype in (("classes", "string"), ("scores", "float32")):
        if key in signature.outputs and _interface(signature.outputs[key]) != (dtype, 2):
            yield f"`classify` needs `{key}` as {dtype} of shape (batch, classes)."


def _regress_faults(signature):
    yield from _examples_faults(signature, "regress")
    if set(signature.outputs) != {"outputs"}:
        yield (f"`regress` needs one output, named `outputs`. Found: {sorted(signature.outputs)}.")
        return
    info = signature.outputs["outputs"]
    wide = (shape_of(info) or [None])[1:]
    if dtype_name(info) != "float32" or wide not in ([], [1]):
        yield "`regress` needs `outputs` as float32 of shape (batch,) or (batch, 1)."


def _examples_faults(signature, kind):
    if set(signature.inputs) != {"inputs"} or _interface(signature.inputs["inputs"]) != (
        "string",
        1,
    ):
        yield (
            f"`{kind}` needs one input, named `inputs`: strings of shape (batch,), each a "
            f"serialised tf.Example. Found: {sorted(signature.inputs)}."
        )


def _interface(info):
    """Returns dtype and rank; the rank of an unknown shape is `None`."""
    shape = shape_of(info)
    return dtype_name(info), None if shape is None else len(shape)
