import shutil

import pytest
import tensorflow as tf

from kgkeras.export import ExportError, Problem, check_saved_model, refuse

NUMBERS = tf.TensorSpec([None, 3], tf.float32, name="numbers")


def texts(problems):
    return [str(problem) for problem in problems]


@pytest.fixture
def sound(save, subject):
    return save(subject.endpoint.function, *subject.endpoint.inputs, tracked=[subject.table])


def test_a_sound_model_has_no_problems(sound):
    assert check_saved_model(sound) == []
    refuse(sound)


@pytest.mark.parametrize("name", ["v1", "-1", "1.0", "1 ", "latest", "²", str(2**63)])
def test_refuses_version_folders_that_are_no_integer(sound, name):
    assert texts(check_saved_model(sound.rename(sound.parent / name))) == [
        f"version folder {name!r}: the server takes only folders whose name is an integer of "
        "0 to 2**63 - 1."
    ]


@pytest.mark.parametrize("name", ["0", "00000123", str(2**63 - 1)])
def test_takes_integers_however_spelled(sound, name):
    assert check_saved_model(sound.rename(sound.parent / name)) == []


def test_checks_the_name_it_will_have(sound):
    sound = sound.rename(sound.parent / "partial")
    assert check_saved_model(sound, version=3) == []


def test_refuses_a_folder_without_a_graph(tmp_path):
    (tmp_path / "1").mkdir()
    assert texts(check_saved_model(tmp_path / "1")) == [
        f"saved_model.pb: there is no such file in {tmp_path / '1'}."
    ]


def test_refuses_a_file_that_is_no_graph(sound):
    (sound / "saved_model.pb").write_bytes(b"not a protocol buffer")
    assert texts(check_saved_model(sound)) == [
        "saved_model.pb: it is not a SavedModel protocol buffer."
    ]


def test_refuses_a_graph_of_two_gibibytes(sound):
    with (sound / "saved_model.pb").open("r+b") as file:
        file.truncate(2**31)  # sparse: takes no room on the disk
    (problem,) = check_saved_model(sound)
    assert "it holds 2147483648 bytes, and 2 GiB is the limit" in problem.what


@pytest.mark.parametrize("tags", [["train"], ["serve", "gpu"]])
def test_refuses_graphs_that_are_not_tagged_for_serving(tmp_path, tags):
    builder = tf.compat.v1.saved_model.Builder(str(tmp_path / "1"))
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        builder.add_meta_graph_and_variables(session, tags)
    builder.save()
    assert texts(check_saved_model(tmp_path / "1")) == [
        "saved_model.pb: no graph is tagged 'serve' and nothing else. Found the tags: "
        f"{[sorted(tags)]}."
    ]


def test_refuses_missing_assets(sound):
    (sound / "assets" / "names.txt").unlink()
    assert texts(check_saved_model(sound)) == [
        "assets/names.txt: the graph reads this file, but it is not there."
    ]


def test_error_lists_all_problems(save):
    folder = save(
        lambda numbers: {"sum": tf.reduce_sum(numbers), "half": tf.cast(numbers, tf.float16)},
        NUMBERS,
    )
    with pytest.raises(ExportError, match="cannot be served") as caught:
        refuse(folder, version="v1")
    message = str(caught.value)
    assert str(folder) in message
    assert message.count("\n- ") == len(caught.value.problems) == 5  # both names of the endpoint
    assert "version folder 'v1'" in message
    assert "signature 'answer', output 'half': the dtype float16" in message
    assert "signature 'serving_default', output 'sum': a scalar" in message


def test_warns_of_what_is_not_fatal(save):
    large = tf.random.uniform([2**21, 1])
    folder = save(lambda numbers: {"all": numbers[:, :1] + large[0] + large[-1]}, NUMBERS)
    with pytest.warns(UserWarning, match=r"Const .*: a constant of 8\.0 MiB inside the graph"):
        refuse(folder)


def test_a_problem_reads_as_a_place_and_a_fault():
    assert str(Problem("here", "it is broken.")) == "here: it is broken."


def test_missing_folder_is_a_problem_too(sound):
    shutil.rmtree(sound)
    assert len(check_saved_model(sound)) == 1
