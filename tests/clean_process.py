"""Answers one request from a SavedModel, in a process that knows TensorFlow and TF Text only.

Run as a script: a JSON object with `folder`, `signature` and `inputs` on standard input, the
outputs as JSON on standard output.
"""

import json
import sys

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


if __name__ == "__main__":
    outputs = answer(**json.load(sys.stdin))
    if foreign(sys.modules):
        sys.exit(f"loading imported {foreign(sys.modules)}")
    json.dump(outputs, sys.stdout)
