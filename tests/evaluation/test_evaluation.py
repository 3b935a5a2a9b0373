import subprocess

import numpy as np
import pytest

from kgkeras import evaluation

RELATIONS = (
    "Cause-Effect",
    "Component-Whole",
    "Content-Container",
    "Entity-Destination",
    "Entity-Origin",
    "Instrument-Agency",
    "Member-Collection",
    "Message-Topic",
    "Product-Producer",
)
CLASSES = tuple(
    sorted([f"{name}({pair})" for name in RELATIONS for pair in ("e1,e2", "e2,e1")] + ["Other"])
)


def test_agrees_with_the_official_scorer(shared_data, tmp_path):
    folder = shared_data / "SemEval2010-Task8" / "original" / "SemEval2010_task8_scorer-v1.2"
    scorer = folder / "semeval2010_task8_scorer-v1.2.pl"
    rng = np.random.default_rng(0)
    labels = rng.integers(0, len(CLASSES), 400)
    predictions = np.where(rng.random(400) < 0.6, labels, rng.integers(0, len(CLASSES), 400))
    for name, column in (("answers", predictions), ("keys", labels)):
        lines = (f"{i}\t{CLASSES[c]}\n" for i, c in enumerate(column))
        (tmp_path / name).write_text("".join(lines))
    result = subprocess.run(
        ["perl", scorer, tmp_path / "answers", tmp_path / "keys"],
        capture_output=True,
        text=True,
        check=True,
    )
    official = result.stdout.split("macro-averaged F1 = ")[-1].split("%")[0]
    ours = 100 * evaluation.relation_f1(labels, predictions, CLASSES)
    assert f"{ours:.2f}" == official


def test_perfect_wrong_direction_and_other():
    classes = ("A(e1,e2)", "A(e2,e1)", "Other")
    assert evaluation.relation_f1([0, 1, 2], [0, 1, 2], classes) == 1.0
    assert evaluation.relation_f1([0, 1], [1, 0], classes) == 0.0
    # One of two right, one answer too many: precision and recall 1/2.
    assert evaluation.relation_f1([0, 1, 2], [0, 2, 1], classes) == 0.5


def test_plots_are_png_files(tmp_path):
    curves = evaluation.plot_histories(
        {"text": {"loss": [2.0, 1.0]}, "fused": {"loss": [1.0, 0.5], "kg_loss": [3.0, 1.0]}},
        ("loss", "kg_loss"),
        tmp_path / "new" / "curves.png",
    )
    words = evaluation.plot_word_weights(
        [["Paris", "is"], ["a"]], [[0.9, 0.0], [0.1]], tmp_path / "words.png"
    )
    for path in (curves, words):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_plots_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'kgkeras\[plots\]'"):
        evaluation.plot_histories({"a": {"loss": [1.0]}}, ("loss",), tmp_path / "x.png")
