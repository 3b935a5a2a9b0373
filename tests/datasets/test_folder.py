"""Facts from a folder of one's own."""

import shutil

import pytest

from kgkeras import datasets, kg


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.txt").write_text("a\tr\tb\r\nb\ts\tc\n")
    (tmp_path / "valid.txt").write_text("a\tr\tc\n")
    (tmp_path / "test.txt").write_text("d\tr\ta\n")
    return tmp_path


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_three_files_are_enough(folder, kind):
    splits = datasets.load(kind(folder))
    assert splits == kg.Splits.from_triples(
        [("a", "r", "b"), ("b", "s", "c")], [("a", "r", "c")], [("d", "r", "a")]
    )


def test_texts_are_read_where_there_are_any(folder):
    (folder / "entity2text.txt").write_text("c\tCleo\tpaints, and sings\nzoe\tZoe\na\tAnna\n")
    graph = datasets.load(folder).test
    assert graph.entity_texts.names == ("Anna", "", "Cleo", "")
    assert graph.entity_texts.descriptions == ("", "", "paints, and sings", "")
    assert graph.relation_texts == kg.Texts.empty(2)
    (folder / "relation2text.txt").write_text("r\tis related to\n")
    graph = datasets.load(folder).train
    assert graph.relation_texts.names == ("is related to", "")
    assert graph.entity_name(2) == "Cleo"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tA\nb\n", r"entity2text\.txt:2: must have an identifier, a name.*1 fields"),
        ("a\tA\tB\tC\n", r"entity2text\.txt:1: must have an identifier, a name.*4 fields"),
        (
            "A\ta\nB\tb\n",
            r"entity2text\.txt: must tell of an identifier .*such as 'a'.* 2 others, such as 'A'",
        ),
        ("a\tA\n\na\tB\n", r"entity2text\.txt:3: must not tell of 'a' again"),
    ],
)
def test_wrong_texts_are_refused(folder, content, message):
    (folder / "entity2text.txt").write_text(content)
    with pytest.raises(kg.GraphFormatError, match=message):
        datasets.load(folder)


def test_a_missing_split_is_named(folder):
    (folder / "valid.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"must hold train\.txt.*no valid\.txt"):
        datasets.load(folder)


def test_written_tables_are_read_back(folder):
    splits = datasets.load(folder)
    for split in ("train", "valid", "test"):
        graph = getattr(splits, split)
        rows = [
            (graph.entities[h], graph.relations[r], graph.entities[t])
            for h, r, t in graph.triples.tolist()
        ]
        kg.write_table(folder / f"{split}.txt", rows)
        assert (folder / f"{split}.txt").read_text().startswith("head\trelation\ttail\n")
    assert datasets.load(folder) == splits


def test_a_fact_about_a_head_is_no_header(folder):
    (folder / "train.txt").write_text("head\tpart_of\tbody\na\tr\tb\n")
    assert datasets.load(folder).train.num_triples == 2


def test_half_a_header_is_refused(folder):
    (folder / "train.txt").write_text("head\trel\ttail\na\tr\tb\n")
    with pytest.raises(kg.GraphFormatError, match=r"train\.txt:1: must have the columns"):
        datasets.load(folder)


def test_the_folder_of_a_benchmark_keeps_its_conventions(shared_data, tmp_path):
    own = tmp_path / "WN18RR"
    shutil.copytree(shared_data / "WN18RR", own)
    own.chmod(0o755)
    (own / "train.txt").chmod(0o644)
    (own / "train.txt").write_text("14854262\t_hypernym\t00590383\n")
    graph = datasets.load(own).train
    assert len(graph) == 1
    assert graph.entity_name(0) == "stool"
    (own / "relation2text.txt").unlink()
    assert datasets.load(own).train.entity_name(0).startswith("stool, solid")
