import importlib.util
import pathlib

import pytest
import tensorflow as tf


@pytest.fixture
def clean_process():
    path = pathlib.Path(__file__).parents[1] / "clean_process.py"
    spec = importlib.util.spec_from_file_location("clean_process", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tells_packages_that_a_server_lacks(clean_process):
    assert clean_process.foreign(["tensorflow", "keras.src", "kgkerasx", "tensorflow_text"]) == []
    modules = ["kgkeras.kg", "keras_hub", "tensorflow_gnn.graph", "os"]
    assert clean_process.foreign(modules) == ["keras_hub", "kgkeras", "tensorflow_gnn"]


def test_text_comes_back_as_text_and_numbers_unrounded(clean_process, save):
    def answer(name, number):
        return {"pair": tf.stack([name, name], axis=1), "third": number / 3}

    folder = save(
        answer,
        tf.TensorSpec([None], tf.string, name="name"),
        tf.TensorSpec([None], tf.float32, name="number"),
    )
    outputs = clean_process.answer(str(folder), "answer", {"name": ["Čapek"], "number": [1]})
    third = tf.constant([1.0], tf.float32) / 3
    assert outputs == {"pair": [["Čapek"] * 2], "third": third.numpy().tolist()}
