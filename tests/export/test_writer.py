import dataclasses
import json
import sys

import numpy as np
import pytest
import tensorflow as tf

from kgkeras.export import Endpoint, ExportError, check_saved_model, write_saved_model
from kgkeras.export import writer as writer_module

NUMBERS = tf.TensorSpec([None, 2], tf.float32, name="numbers")
SAMPLE = {"numbers": np.ones((1, 2), "float32")}


def tree(folder):
    """Every path below `folder`, with the content of files."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def write(tmp_path, subject):
    """`write(**changes)`: exports the subject below `tmp_path`, or what `changes` say."""

    def write(endpoints=(subject.endpoint,), tracked=(subject.table,), **options):
        return write_saved_model(tmp_path / "out" / "names", endpoints, tracked=tracked, **options)

    return write


def test_answers_the_same_without_kgkeras(write, subject, run_in_clean_process):
    folder = write()
    answers = run_in_clean_process(folder, "look_up", {"name": ["Čapek", "nobody", "Ada"]})
    assert answers["known"] == [True, False, True]
    np.testing.assert_allclose(answers["numbers"], subject.numbers([2, 0, 0]), rtol=1e-6)
    assert not np.allclose(answers["numbers"][0], answers["numbers"][2])


def test_writes_a_version_with_everything_in_it(write, tmp_path):
    folder = write(card={"title": "names"})
    assert folder == tmp_path / "out" / "names" / "1"
    assert [path.name for path in folder.parent.iterdir()] == ["1"]
    assert check_saved_model(folder) == []
    assert {path for path in tree(folder) if path.startswith("assets.extra/")} == {
        "assets.extra/model.json",
        "assets.extra/tf_serving_warmup_requests",
    }
    assert json.loads((folder / "assets.extra" / "model.json").read_text())["title"] == "names"


def test_the_default_may_be_named(write, subject, run_in_clean_process):
    double = Endpoint("variables", lambda numbers: {"out": 2 * numbers}, (NUMBERS,))
    default = Endpoint("serving_default", lambda numbers: {"out": -numbers}, (NUMBERS,))
    folder = write([double, default], tracked=())
    for name, out in (("variables", [[2.0, 4.0]]), ("serving_default", [[-1.0, -2.0]])):
        assert run_in_clean_process(folder, name, {"numbers": [[1.0, 2.0]]}) == {"out": out}


def test_stores_each_variable_once(write, subject):
    prefix = write() / "variables" / "variables"
    stored = [shape for name, shape in tf.train.list_variables(str(prefix)) if shape]
    weights = [list(weight.shape) for weight in subject.model.weights]
    assert sorted(stored) == sorted(weights)


def test_counts_versions(write):
    assert write().name == "1"
    assert write().name == "2"
    assert write(version=7).name == "7"
    assert write().name == "8"


def test_the_first_endpoint_is_the_default(write, subject):
    second = Endpoint("double", lambda numbers: {"out": numbers * 2}, (NUMBERS,))
    card = json.loads(
        (write([second, subject.endpoint]) / "assets.extra" / "model.json").read_text()
    )
    assert set(card["signatures"]) == {"double", "look_up", "serving_default"}
    assert card["signatures"]["serving_default"] == card["signatures"]["double"]


def test_refuses_a_version_that_is_there(write):
    before = tree(write().parent)
    with pytest.raises(FileExistsError, match="Version 1 is there already"):
        write(version=1)
    assert tree(write().parent).items() >= before.items()


@pytest.mark.parametrize("endpoints", [[], "twice"])
def test_refuses_no_endpoints_or_one_name_twice(write, subject, endpoints):
    endpoints = [subject.endpoint] * 2 if endpoints else []
    with pytest.raises(ValueError, match="at least one, with different names"):
        write(endpoints)


def test_refuses_what_is_no_endpoint(write):
    with pytest.raises(ValueError, match=r"must hold Endpoint objects\. Received: 'look_up'"):
        write(["look_up"])


# Each stage fails in turn, and the base folder must be as it was.


def fails_when_traced(write, subject, monkeypatch):
    def broken(name):
        raise RuntimeError("no such layer")

    with pytest.raises(RuntimeError, match="no such layer"):
        write([Endpoint("look_up", broken, subject.endpoint.inputs)])


def fails_when_saved(write, subject, monkeypatch):
    with pytest.raises(AssertionError, match="untracked"):
        write(tracked=())


def fails_the_check(write, subject, monkeypatch):
    def python(name):
        return {"out": tf.numpy_function(lambda names: names, [name], tf.string)}

    with pytest.raises(ExportError, match="PyFunc"):
        write([Endpoint("look_up", python, subject.endpoint.inputs)])


def fails_to_write_warmup(write, subject, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    with pytest.raises(ImportError, match=r"kgkeras\[serve\]"):
        write()


def fails_to_warm_up(write, subject, monkeypatch):
    first = Endpoint("first", lambda numbers: {"out": numbers[:1]}, (NUMBERS,), SAMPLE)
    with pytest.raises(ExportError, match="must answer 8 rows"):
        write([first])


def fails_to_write_the_card(write, subject, monkeypatch):
    def full(folder, card):
        raise OSError("No space left on device")

    monkeypatch.setattr(writer_module, "write_card", full)
    with pytest.raises(OSError, match="No space left"):
        write()


def fails_on_a_wrong_card(write, subject, monkeypatch):
    with pytest.raises(ValueError, match="`card` must be JSON"):
        write(card={"model": subject.model})


STAGES = [
    fails_when_traced,
    fails_when_saved,
    fails_the_check,
    fails_to_write_warmup,
    fails_to_warm_up,
    fails_to_write_the_card,
    fails_on_a_wrong_card,
]


@pytest.mark.parametrize("stage", STAGES)
def test_a_failure_leaves_the_base_as_it_was(write, subject, monkeypatch, tmp_path, stage):
    older = tmp_path / "out" / "names" / "1"
    older.mkdir(parents=True)
    (older / "saved_model.pb").write_bytes(b"older")
    before = tree(tmp_path)
    stage(write, subject, monkeypatch)
    assert tree(tmp_path) == before


def test_a_failure_leaves_no_base_where_none_was(write, subject, monkeypatch, tmp_path):
    before = tree(tmp_path)
    fails_the_check(write, subject, monkeypatch)
    assert tree(tmp_path) == before


def test_a_version_that_appears_meanwhile_stays(write, subject, tmp_path):
    theirs = tmp_path / "out" / "names" / "1"

    def overtaken(name):
        theirs.mkdir(exist_ok=True)
        (theirs / "saved_model.pb").write_bytes(b"theirs")
        return subject.endpoint.function(name)

    with pytest.raises(FileExistsError, match="Version 1 is there already"):
        write([dataclasses.replace(subject.endpoint, function=overtaken)])
    assert tree(tmp_path / "out" / "names") == {"1": None, "1/saved_model.pb": b"theirs"}


def test_warns_of_a_large_constant_and_writes(write):
    table = np.random.default_rng(0).random((2**21, 1), "float32")

    def gather(numbers):
        return {"out": tf.gather(tf.constant(table), tf.cast(numbers[:, 0], tf.int32))}

    with pytest.warns(UserWarning, match="a constant of 8.0 MiB"):
        assert write([Endpoint("gather", gather, (NUMBERS,))]).is_dir()
