"""Texts with tagged names."""

import pytest

from kgkeras import datasets
from kgkeras.datasets.conll import read_file
from kgkeras.kg.errors import GraphFormatError


@pytest.mark.parametrize(
    ("name", "sizes", "spans"),
    [("WNUT17", (3394, 1009, 1287), (1975, 836, 978)), ("conll04", (910, 243, 288), None)],
)
def test_benchmarks(name, sizes, spans):
    try:
        task = datasets.load_tagged(name)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    splits = task.train, task.valid, task.test
    assert tuple(map(len, splits)) == sizes
    if spans is not None:
        found = [sum(int((row % 2).sum()) for row in split.tags) for split in splits]
        assert tuple(found) == spans
    assert task.tags[:3] == ("O", f"B-{task.types[0]}", f"I-{task.types[0]}")
    assert datasets.names("tagged") == ("WNUT17", "CoNLL04")


def test_reads_words_and_tags(tmp_path):
    path = tmp_path / "some.conll"
    path.write_text("\u0085a\tB-x\nb\tI-x,B-y\n \t\n\nc\tO\n#doc 7\n", encoding="utf-8")
    found = read_file(path, ("x", "y"))
    assert found.words == (("a", "b"), ("c",))
    assert [row.tolist() for row in found.tags] == [[1, 2], [0]]
    assert found.texts == ("a b", "c")
    assert len(found.take(1)) == 1
    path.write_text("a\tO\nb\tB-z\n", encoding="utf-8")
    with pytest.raises(GraphFormatError, match=r"some\.conll.*2.*must have a tag of"):
        read_file(path, ("x",))
    path.write_text("a\n", encoding="utf-8")
    with pytest.raises(GraphFormatError, match="must hold a word and its tag, in 2 columns"):
        read_file(path, ("x",))
