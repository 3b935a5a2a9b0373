import numpy as np
import pytest
import tensorflow as tf

from kgkeras.export import Endpoint

NAME = tf.TensorSpec([None], tf.string, name="name")
PAIR = tf.TensorSpec([None, 2], tf.int32, name="pair")


def endpoint(name="look_up", function=lambda *x: {}, inputs=(NAME, PAIR), warmup=None):
    return Endpoint(name, function, inputs, warmup)


def test_keeps_inputs_as_a_tuple():
    assert endpoint(inputs=[NAME, PAIR]).inputs == (NAME, PAIR)


@pytest.mark.parametrize("name", ["", "1st", "_hidden", "top-k", "a b", None, b"x"])
def test_refuses_names_that_are_no_signature(name):
    with pytest.raises(ValueError, match="`name` must be a letter followed by"):
        endpoint(name=name)


def test_refuses_a_function_that_cannot_be_called():
    with pytest.raises(ValueError, match=r"'look_up': `function` must be callable\. Received: 3"):
        endpoint(function=3)


def test_refuses_no_inputs():
    with pytest.raises(ValueError, match="must hold at least one TensorSpec"):
        endpoint(inputs=())


@pytest.mark.parametrize(
    "spec", [tf.TensorSpec([None]), tf.TensorSpec([None], name="a/b"), "name", np.zeros(3)]
)
def test_refuses_inputs_without_a_usable_name(spec):
    with pytest.raises(ValueError, match=r"each of `inputs` must be a tf.TensorSpec whose name"):
        endpoint(inputs=(spec,))


def test_refuses_inputs_of_one_name():
    with pytest.raises(ValueError, match=r"names must differ\. Received: \['name', 'name'\]"):
        endpoint(inputs=(NAME, NAME))


def test_refuses_a_sample_of_other_inputs():
    with pytest.raises(ValueError, match=r"exactly the inputs \['name', 'pair'\]\. Received: \['n"):
        endpoint(warmup={"name": np.array(["x"])})


@pytest.mark.parametrize(
    "array",
    [
        np.array("x"),  # no batch axis
        np.array([], object),
        np.array([["x"]]),
        np.array([1]),
    ],
)
def test_refuses_a_sample_that_does_not_fit_a_string_input(array):
    with pytest.raises(ValueError, match=r"`warmup\['name'\]` must be an array .* that fits"):
        endpoint(inputs=(NAME,), warmup={"name": array})


@pytest.mark.parametrize(
    "array", [np.zeros((1, 2), "int64"), np.zeros((1, 3), "int32"), np.array([["a", "b"]])]
)
def test_refuses_a_sample_that_does_not_fit_a_number_input(array):
    with pytest.raises(ValueError, match=r"fits TensorSpec.*Received: an array of shape \(1, "):
        endpoint(inputs=(PAIR,), warmup={"pair": array})


def test_refuses_samples_of_unequal_length():
    with pytest.raises(ValueError, match=r"equally many rows\. Received: \{'name': 1, 'pair': 2\}"):
        endpoint(warmup={"name": np.array(["x"]), "pair": np.zeros((2, 2), "int32")})


def test_sample_repeats_and_cuts_whole_rows():
    sampled = endpoint(
        warmup={"name": np.array(["x", "y"]), "pair": np.array([[0, 1], [2, 3]], "int32")}
    )
    assert sampled.sample(3)["name"].tolist() == ["x", "y", "x"]
    assert sampled.sample(3)["pair"].tolist() == [[0, 1], [2, 3], [0, 1]]
    assert sampled.sample(1)["pair"].tolist() == [[0, 1]]


def test_sample_is_empty_without_warmup():
    assert endpoint().sample(3) == {}
