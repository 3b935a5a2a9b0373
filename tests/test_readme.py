"""What the README says, done."""

import pathlib
import re

import numpy as np

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def _block(name):
    return re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```\n<!-- end -->", README, re.S).group(1)


def test_the_functional_example_runs():
    names = {}
    exec(_block("example"), names)
    model, inputs = names["model"], names["inputs"]
    assert model(inputs).shape == (2, 1)
    # Peru and Ecuador are found, so the two texts differ by more than their words.
    assert inputs["entity_ids"].numpy().max(axis=1).tolist() == [1, 3]


def test_the_question_is_answered():
    names = {}
    exec(_block("questions"), names)
    facts, found = names["facts"], names["found"]
    assert facts.entities[found["answers"][0, 0]] == "Heat"
    ends = [facts.entities[fact[2]] for fact in found["facts"][0, 0]]
    assert ends == ["Mann", "Heat"]


def test_several_tasks_are_learned():
    code = _block("tasks").replace("steps_per_epoch=100, epochs=10", "steps_per_epoch=4, verbose=0")
    names = {}
    exec(code, names)
    log = names["model"].history.history
    assert {"questions_loss", "questions_accuracy", "graph_loss", "graph_weight"} <= set(log)


def test_a_walk_answers():
    code = _block("agents").replace(
        "steps_per_epoch=100, epochs=10", "steps_per_epoch=3, verbose=0"
    )
    names = {}
    exec(code, names)
    entities = names["entities"].numpy()
    assert entities.shape == (1, 5, 3)
    assert (entities[..., 0] == 0).all()


def test_facts_enter_as_words():
    code = _block("facts as words").replace("texts), task.train.labels", "texts[:32]), labels")
    names = {"labels": np.zeros(32)}
    exec(code, names)
    assert np.isfinite(names["model"].history.history["loss"]).all()
    assert int(names["reads"](["Paris is the capital of France."])["branches"].numpy().max()) == 3


def test_each_set_up_is_one_command():
    for name in ("main", "tests"):
        assert len(_block(name).strip().splitlines()) == 1
