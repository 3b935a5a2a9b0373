import keras
import pytest
import tensorflow as tf

from kgkeras.export import check_saved_model

NUMBERS = tf.TensorSpec([None, 3], tf.float32, name="numbers")


def dense(name="dense", units=5, bias="zeros"):
    inputs = keras.Input((3,))
    layer = keras.layers.Dense(units, name=name, bias_initializer=bias)
    return keras.Model(inputs, layer(inputs))


def test_refuses_variables_stored_twice(save):
    model = dense(bias="normal")
    folder = save(lambda numbers: {"out": model(numbers)}, NUMBERS, tracked=[model])
    (problem,) = check_saved_model(folder)
    assert problem.where == "variables/"
    # 3 x 5 weights and 5 biases of 4 bytes, each once too often.
    assert problem.what.startswith("80 of ")
    assert "stored a second time: dense/bias, dense/kernel. Track lookup tables" in problem.what


def test_names_a_few_of_many(save):
    models = [dense(f"dense_{i}", 2, "normal") for i in range(4)]

    def answer(numbers):
        return {"out": sum(model(numbers) for model in models)}

    (problem,) = check_saved_model(save(answer, NUMBERS, tracked=models))
    assert "dense_2/bias and 3 more. Track" in problem.what


def test_takes_different_variables_of_one_name(save):
    # The kernels differ; the biases are equal, but only as long as they are all zero.
    one, other = dense(), dense()
    assert check_saved_model(save(lambda x: {"out": one(x) + other(x)}, NUMBERS)) == []


@pytest.mark.parametrize("pattern", ["variables.index", "variables.data-*"])
def test_refuses_missing_files(save, pattern):
    model = dense()
    folder = save(lambda numbers: {"out": model(numbers)}, NUMBERS)
    for path in (folder / "variables").glob(pattern):
        path.unlink()
    (problem,) = check_saved_model(folder)
    assert problem.what == f"the graph has variables, but there is no {pattern}."


@pytest.mark.parametrize("pattern", ["variables.index", "variables.data-*"])
def test_refuses_damaged_files(save, pattern):
    model = dense(bias="normal")
    folder = save(lambda numbers: {"out": model(numbers)}, NUMBERS, tracked=[model])
    (path,) = (folder / "variables").glob(pattern)
    path.write_bytes(path.read_bytes()[:20])
    (problem,) = check_saved_model(folder)
    assert "the checkpoint cannot be read" in problem.what


def test_a_graph_without_variables_needs_no_checkpoint(save):
    folder = save(lambda numbers: {"out": numbers * 2}, NUMBERS)
    for path in (folder / "variables").iterdir():
        path.unlink()
    assert check_saved_model(folder) == []
