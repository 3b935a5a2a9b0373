import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras.export import check_saved_model

NUMBERS = tf.TensorSpec([None, 3], tf.float32, name="numbers")
TEXT = tf.TensorSpec([None], tf.string, name="text")


def faults(folder, place):
    """What is wrong at `place`; nothing may be wrong elsewhere but at the default signature."""
    problems = check_saved_model(folder)
    elsewhere = [problem for problem in problems if problem.where != place]
    assert all(problem.where.startswith("signature 'serving_default'") for problem in elsewhere)
    assert len(elsewhere) == len(problems) - len(elsewhere)
    return "\n".join(problem.what for problem in problems if problem.where == place)


@pytest.mark.parametrize(
    ("function", "spec"),
    [
        (lambda text: {"out": tf.strings.split(text)}, TEXT),
        (lambda numbers: {"out": tf.sparse.from_dense(numbers)}, NUMBERS),
    ],
)
def test_refuses_ragged_and_sparse_outputs(save, function, spec):
    found = faults(save(function, spec), "signature 'answer', output 'out'")
    assert found == "a ragged or sparse tensor cannot be served. Make it dense."


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "complex64"])
def test_refuses_dtypes_without_a_form_in_json(save, dtype):
    folder = save(lambda numbers: {"out": tf.cast(numbers, dtype)}, NUMBERS)
    assert f"the dtype {dtype} has no form" in faults(folder, "signature 'answer', output 'out'")


@pytest.mark.parametrize("dtype", ["float64", "int8", "uint8", "int64", "bool"])
def test_takes_the_other_dtypes(save, dtype):
    assert check_saved_model(save(lambda n: {"out": tf.cast(n, dtype)}, NUMBERS)) == []


def test_refuses_scalar_outputs(save):
    folder = save(lambda numbers: {"out": tf.reduce_sum(numbers)}, NUMBERS)
    assert "a scalar has no batch axis" in faults(folder, "signature 'answer', output 'out'")


def test_refuses_scalar_inputs(save):
    k = tf.TensorSpec([], tf.float32, name="k")
    folder = save(lambda numbers, k: {"out": numbers * k}, NUMBERS, k)
    assert "a scalar has no batch axis" in faults(folder, "signature 'answer', input 'k'")


def test_refuses_unknown_rank(save):
    anything = tf.TensorSpec(None, tf.float32, name="anything")
    folder = save(lambda x: {"out": tf.reshape(x, [-1])}, anything)
    assert "the rank is unknown" in faults(folder, "signature 'answer', input 'anything'")


def test_refuses_a_fixed_batch(save):
    folder = save(lambda numbers: {"out": numbers[:2]}, NUMBERS)
    assert check_saved_model(folder) == []  # an open axis, as far as the graph tells
    fixed = tf.TensorSpec([2, 3], tf.float32, name="fixed")
    folder = save(lambda x: {"out": tf.boolean_mask(x, x > 0)}, fixed)
    found = faults(folder, "signature 'answer', input 'fixed'")
    assert found == "axis 0 must be an open batch axis. Its shape is [2, 3]."


def test_refuses_names_made_up_by_keras(save):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    problems = check_saved_model(save(model, tf.TensorSpec([None, 3], tf.float32)))
    places = {p.where for p in problems if "the name was made up" in p.what}
    assert {"signature 'answer', input 'args_0'", "signature 'answer', output 'output_0'"} <= places


@pytest.mark.parametrize("name", ["keras_tensor", "keras_tensor_12", "input_layer_1", "output_3"])
def test_refuses_made_up_names_of_outputs(save, name):
    folder = save(lambda numbers: {name: numbers * 2}, NUMBERS)
    assert "the name was made up" in faults(folder, f"signature 'answer', output {name!r}")


@pytest.mark.parametrize("name", ["outputs", "output", "top_10", "keras_tensors", "inputs"])
def test_takes_names_that_only_look_similar(save, name):
    assert check_saved_model(save(lambda numbers: {name: numbers * 2}, NUMBERS)) == []


def test_refuses_a_model_without_default_signature(tmp_path):
    module = tf.Module()
    module.double = tf.function(lambda numbers: {"out": numbers * 2}, input_signature=[NUMBERS])
    tf.saved_model.save(module, str(tmp_path / "1"), signatures={"double": module.double})
    (problem,) = check_saved_model(tmp_path / "1")
    assert problem.where == "signature 'serving_default'"
    assert problem.what.endswith("Found: double.")


# Classification and regression, whose REST methods prescribe the names.

EXAMPLES = tf.TensorSpec([None], tf.string, name="inputs")


def scores_of(inputs):
    return tf.cast(tf.strings.length(inputs), tf.float32)[:, None] * np.ones((1, 4), "float32")


def classes_of(inputs):
    return tf.tile(inputs[:, None], [1, 4])


@pytest.mark.parametrize("kept", [("classes",), ("scores",), ("classes", "scores")])
def test_takes_a_classification(save, kept):
    outputs = {"classes": classes_of, "scores": scores_of}
    folder = save(lambda x: {key: outputs[key](x) for key in kept}, EXAMPLES, name="classify")
    assert check_saved_model(folder) == []


@pytest.mark.parametrize("function", [lambda x: scores_of(x)[:, 0], lambda x: scores_of(x)[:, :1]])
def test_takes_a_regression(save, function):
    folder = save(lambda x: {"outputs": function(x)}, EXAMPLES, name="regress_length")
    assert check_saved_model(folder) == []


@pytest.mark.parametrize(
    ("name", "spec", "function", "message"),
    [
        ("classify", TEXT, lambda x: {"scores": scores_of(x)}, "one input, named `inputs`"),
        (
            "classify",
            tf.TensorSpec([None, 3], tf.float32, name="inputs"),
            lambda x: {"scores": x},
            "each a serialised tf.Example",
        ),
        (
            "classify_type",
            EXAMPLES,
            lambda x: {"scores": scores_of(x), "extra": scores_of(x)},
            r"and no other. Found: ['extra', 'scores']",
        ),
        (
            "classify",
            EXAMPLES,
            lambda x: {"scores": scores_of(x)[:, 0]},
            "`scores` as float32 of shape (batch, classes)",
        ),
        ("classify", EXAMPLES, lambda x: {"classes": scores_of(x)}, "needs `classes` as string"),
        ("regress", TEXT, lambda x: {"outputs": scores_of(x)[:, 0]}, "one input, named `inputs`"),
        ("regress", EXAMPLES, lambda x: {"score": scores_of(x)[:, 0]}, "one output, named"),
        ("regress", EXAMPLES, lambda x: {"outputs": scores_of(x)}, "(batch,) or (batch, 1)"),
        ("regress", EXAMPLES, lambda x: {"outputs": x}, "`outputs` as float32"),
    ],
)
def test_refuses_other_names_and_shapes(save, name, spec, function, message):
    problems = check_saved_model(save(function, spec, name=name))
    assert [problem.where for problem in problems] == [f"signature {name!r}"]
    assert message in problems[0].what


def test_the_method_name_prescribes_too(tmp_path):
    builder = tf.compat.v1.saved_model.Builder(str(tmp_path / "1"))
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        tensor = tf.compat.v1.placeholder(tf.float32, [None], name="x")
        info = tf.compat.v1.saved_model.utils.build_tensor_info(tensor)
        signature = tf.compat.v1.saved_model.build_signature_def(
            {"inputs": info}, {"outputs": info}, "tensorflow/serving/regress"
        )
        builder.add_meta_graph_and_variables(
            session, ["serve"], signature_def_map={"serving_default": signature}
        )
    builder.save()
    (problem,) = check_saved_model(tmp_path / "1")
    assert "`regress` needs one input, named `inputs`" in problem.what
