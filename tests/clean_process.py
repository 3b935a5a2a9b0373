"""Answers one request from a SavedModel, in a process that knows TensorFlow and TF Text only.

Run as a script: on each line of standard input a JSON object with `folder`, `signature` and
`inputs`, for which a line of standard output gives `outputs`, or the `error`.
"""

import json
import sys
import traceback

import tensorflow as tf
import tensorflow_text  # noqa: F401  (registers the operations of tokenizers)

FOREIGN = frozenset({"kgkeras", "keras_hub", "keras_nlp", "tensorflow_gnn"})


def foreign(modules):
    """The packages among `modules` that a server has not."""
    return sorted(FOREIGN.intersection(name.split(".")[0] for name in modules))


def answer(folder, signature, inputs):
    """The outputs of `signature` in `folder` for JSON `inputs`, as lists."""
    loaded = tf.saved_model.load(folder)
    function = loaded.signatures[signature]
    specs = function.structured_input_signature[1]
    tensors = {name: tf.constant(inputs[name], specs[name].dtype) for name in inputs}
    return {name: as_lists(tensor) for name, tensor in function(**tensors).items()}


def as_lists(tensor):
    """Nested lists; text as `str`."""
    if tensor.dtype != tf.string:
        return tensor.numpy().tolist()

    def decode(item):
        return [decode(i) for i in item] if isinstance(item, list) else item.decode("utf-8")

    return decode(tensor.numpy().tolist())


def replies(lines):
    """Yields the reply to each line, as JSON."""
    for line in lines:
        try:
            outputs = answer(**json.loads(line))
            if foreign(sys.modules):
                raise ImportError(f"loading imported {foreign(sys.modules)}")
            yield json.dumps({"outputs": outputs})
        except Exception:
            yield json.dumps({"error": traceback.format_exc()})


if __name__ == "__main__":
    for reply in replies(sys.stdin):
        sys.stdout.write(reply + "\n")
        sys.stdout.flush()
