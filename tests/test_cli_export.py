"""`kgkeras export`, in processes that know a model by its file alone."""

import json
import re
import shlex
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import cli, export, kg, text
from tests import toy
from tests.export import small
from tests.processes import output

CLASSES = ("no", "yes")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with a graph and a preprocessor."""
    folder = tmp_path_factory.mktemp("site")
    kg.save(small.knowledge(), folder / "graph")
    text.save_preprocessor(small.preprocessor(small.knowledge()), folder / "texts")
    return folder


def _run(folder, *arguments):
    """What the command writes to standard output, by lines."""
    command = [sys.executable, "-m", "kgkeras", "export", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _answers(folder, name, **inputs):
    function = tf.saved_model.load(str(folder)).signatures[name]
    answer = function(**{key: tf.constant(value) for key, value in inputs.items()})
    return {key: value.numpy() for key, value in answer.items()}


def _check_same(folders, name, **inputs):
    found, wanted = (_answers(folder, name, **inputs) for folder in folders)
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        if value.dtype == np.float32:
            np.testing.assert_allclose(found[key], value, rtol=1e-6, err_msg=key)
        else:
            np.testing.assert_array_equal(found[key], value, err_msg=key)


@pytest.mark.slow
def test_a_saved_link_predictor_answers_like_the_living_one(site, tmp_path):
    facts = small.knowledge()
    model = small.links(facts)
    model.save(site / "links.keras")
    (site / "card.json").write_text('{"data": "small"}')
    options = ("--known", "graph", "--k", 3, "--version", 7, "--card", "card.json")
    folder, serve, ask = _run(site, "links.keras", tmp_path / "links", *options)
    assert folder == str(tmp_path / "links" / "7")
    assert shlex.split(serve)[1:4] == ["serve", "--model_name", "links"]
    instance = {"head": "lima", "relation": "city_in"}
    assert json.loads(shlex.split(ask)[2]) == {"instances": [instance]}
    card = json.loads((tmp_path / "links" / "7" / "assets.extra" / "model.json").read_text())
    assert (card["data"], card["model"]) == ("small", "LinkPredictor")
    living = export.export_model(model, tmp_path / "living", known=facts, k=3)
    queries = {"head": ["lima", "São Paulo"], "relation": ["city_in", "part_of"]}
    _check_same((folder, living), "serving_default", **queries)


@pytest.mark.slow
def test_a_saved_joint_model_answers_like_the_living_one(site, tmp_path):
    facts = small.knowledge()
    model = small.joint(facts)
    model.save(site / "joint.keras")
    options = ("--graph", "graph", "--preprocessor", "texts", "--classes", "no,yes")
    samples = ("--sample", *small.TEXTS[:2], "--sample", small.TEXTS[2])
    folder, _, ask = _run(site, "joint.keras", tmp_path / "joint", *options, *samples)
    assert json.loads(shlex.split(ask)[2]) == {"instances": [small.TEXTS[0]]}
    living = export.export_joint_model(
        model, small.preprocessor(facts), facts, CLASSES, tmp_path / "living"
    )
    _check_same((folder, living), "serving_default", text=small.TEXTS)


OTHERS = """
import sys
from kgkeras import cli
site, base = sys.argv[1:]
status = cli.main(["export", f"{site}/paths.keras", f"{base}/paths", "--k", "2"])
parts = ["--graph", f"{site}/graph", "--preprocessor", f"{site}/texts"]
status += cli.main(["export", f"{site}/questions.keras", f"{base}/questions", *parts])
sys.exit(status)
"""


@pytest.mark.slow
def test_so_do_the_other_models(site, tmp_path):
    facts = small.knowledge()
    paths, questions = small.paths(facts), small.questions(facts)
    paths.save(site / "paths.keras")
    questions.save(site / "questions.keras")
    told = output(OTHERS, site, tmp_path).splitlines()
    assert [told[0], told[3]] == [str(tmp_path / kind / "1") for kind in ("paths", "questions")]
    assert json.loads(shlex.split(told[5])[2]) == {"instances": ["..."]}
    living = export.export_model(paths, tmp_path / "living", k=2)
    queries = {"head": ["lima", "brazil"], "relation": ["city_in", "part_of"]}
    _check_same((told[0], living), "serving_default", **queries)
    living = export.export_model(
        questions, tmp_path / "asked", graph=facts, preprocessor=small.preprocessor(facts)
    )
    _check_same((told[3], living), "serving_default", question=["Lima", "America"])


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        ("splits", 2),
        ("facts.tsv", 1),
        ("graph", 4),
        ("nations", 1592),
    ],
)
def test_graphs_have_many_forms(content, facts, tmp_path, monkeypatch, shared_data):
    """The folder of a saved graph or of splits, a file, a benchmark: read by the same flag."""
    monkeypatch.setenv("KGKERAS_DATA", str(shared_data))
    monkeypatch.chdir(tmp_path)
    kg.save(small.knowledge(), "graph")
    (tmp_path / "facts.tsv").write_text("a\tr\tb\n")
    (tmp_path / "splits").mkdir()
    for split, lines in {
        "train": "a\tr\tb\nb\tr\tc\n",
        "valid": "a\tr\tc\n",
        "test": "c\tr\ta\n",
    }.items():
        (tmp_path / "splits" / f"{split}.txt").write_text(lines)
    assert cli.export._read_graph(content).num_triples == facts


@keras.saving.register_keras_serializable("elsewhere")
class Unknown(keras.layers.Dense):
    pass


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["absent.keras"], "File not found: .*absent.keras"),
        (["damaged.keras"], "damaged.keras"),
        (["links.keras", "--graph", "graph"], "A LinkPredictor takes .*not taken: `graph`"),
        (["links.keras", "--known", "atlantis"], "`name` must be one of .*'atlantis'"),
        (["links.keras", "--card", "damaged.keras"], "damaged.keras must be JSON"),
        (["links.keras", "--card", "absent.json"], "No such file .*absent.json"),
        (["links.keras", "--preprocessor", "graph"], "must be a saved preprocessor"),
        (["links.keras", "--k", "9"], "`k` must be at most 5"),
        (
            ["plain.keras"],
            "`model` must be one of LinkPredictor, PathPredictor, EnsemblePredictor, ",
        ),
        (["unknown.keras"], "unknown.keras cannot be loaded: .*Could not locate class 'Unknown'"),
    ],
)
def test_what_cannot_be_exported(site, tmp_path, monkeypatch, capsys, flags, message):
    monkeypatch.chdir(site)
    small.links(small.knowledge()).save("links.keras")
    (site / "damaged.keras").write_bytes(b"damaged")
    toy.encoder().save("plain.keras")
    keras.Sequential([keras.Input((2,)), Unknown(2)]).save("unknown.keras")
    del keras.saving.get_custom_objects()["elsewhere>Unknown"]
    try:
        assert cli.main(["export", flags[0], str(tmp_path / "m"), *flags[1:]]) == 1
    finally:
        keras.saving.get_custom_objects()["elsewhere>Unknown"] = Unknown
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert told.count("kgkeras: error: ") == 1
    assert re.search(message, told, re.DOTALL), told
    assert not list(tmp_path.iterdir())
