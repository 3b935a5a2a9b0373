"""Tables: what is tolerated, what is refused and where, and that written tables read back."""

import gzip

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kgkeras import kg
from kgkeras.kg import tables

ROWS = [("a", "r", "b"), ("b", "s", "c d")]


def written(folder, content, name="facts.tsv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        "a\tr\tb\nb\ts\tc d\n",
        "a\tr\tb\nb\ts\tc d",
        "a\tr\tb\r\nb\ts\tc d\r\n",
        "\ufeffa\tr\tb\nb\ts\tc d\n",
        "\na\tr\tb\n\n  \r\nb\ts\tc d\n\n",
        "head\trelation\ttail\na\tr\tb\nb\ts\tc d\n",
        "\ufeffhead\trelation\ttail\r\na\tr\tb\r\nb\ts\tc d\r\n",
        "tail\tnote\thead\trelation\nb\tx\ta\tr\nc d\ty\tb\ts\n",
        "Head\tRelation\tTail\na\tr\tb\nb\ts\tc d\n",
        "TAIL\tNote\t Head\trelation\nb\tx\ta\tr\nc d\ty\tb\ts\n",
        "a \tr\t b\nb\u00a0\ts\tc d \n",
    ],
)
def test_what_is_tolerated(tmp_path, content):
    assert kg.read_table(written(tmp_path, content)) == ROWS
    assert kg.read_table(written(tmp_path, content, "facts.txt")) == ROWS
    zipped = written(tmp_path, gzip.compress(content.encode()), "facts.tsv.gz")
    assert kg.read_table(zipped) == ROWS


def test_quotes_mean_something_between_commas_only(tmp_path):
    path = written(tmp_path, 'head,relation,tail\n"a, ""b""",r,"c\r\nd"\n', "facts.csv")
    assert kg.read_table(path) == [('a, "b"', "r", "c\r\nd")]
    path = written(tmp_path, 'a"\tr\t"b\n')
    assert kg.read_table(path) == [('a"', "r", '"b')]


def test_line_separators_of_unicode_are_text(tmp_path):
    path = written(tmp_path, "a\u2028b\tr\tc\x85d\n")
    assert kg.read_table(path) == [("a\u2028b", "r", "c\x85d")]


def test_columns_can_be_named_and_reordered(tmp_path):
    path = written(tmp_path, "r\ta\tb\ns\tb\tc d\n")
    assert kg.read_triples(path, columns=("relation", "head", "tail")) == ROWS
    path = written(tmp_path, "r|a|b|0.5\ns|b|c d|1\n", "facts.psv")
    columns = ("relation", "head", "tail", "weight")
    assert kg.read_triples(path, columns=columns, delimiter="|") == ROWS


def test_a_header_can_be_denied(tmp_path):
    path = written(tmp_path, "head\trel\ttail\n")
    assert kg.read_table(path, header=False) == [("head", "rel", "tail")]
    path = written(tmp_path, "head\trelation\ttail\n")
    assert kg.read_table(path, header=False) == [("head", "relation", "tail")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "head\trel\ttail\na\tr\tb\n",
            r"facts\.tsv:1: must have the columns .*without \['relation'\]\. .*`header=False`",
        ),
        ("\nHEAD \tpart_of\tbody\n", r"facts\.tsv:2: must have the columns .*'relation', 'tail'"),
        ("a\tr\tb\nb\ts\n", r"facts\.tsv:2: must have 3 fields .*Received: 2: \['b', 's'\]"),
        ("\na\tr\tb\nb\ts\tc\td\n", r"facts\.tsv:3: must have 3 fields .*Received: 4"),
        ("a\tr\tb\n\n\tr\tb\n", r"facts\.tsv:3: must have no blank field"),
        ("a\tr\t \n", r"facts\.tsv:1: must have no blank field"),
        ("", r"facts\.tsv: must have at least one row"),
        ("\r\n\n", r"facts\.tsv: must have at least one row"),
        ("head\trelation\ttail\n", r"facts\.tsv: must have at least one row"),
        (b"a\tr\tb\nb\ts\t\xff\n", r"facts\.tsv:2: must be UTF-8\. Received: byte 0xff"),
        (b"\xef\xbb\xbfa\tr\tb\n\nb\xc3\ts\tc\n", r"facts\.tsv:3: must be UTF-8.*0xc3"),
    ],
)
def test_what_is_refused(tmp_path, content, message):
    with pytest.raises(kg.GraphFormatError, match=message):
        kg.read_table(written(tmp_path, content))


def test_an_error_knows_its_place(tmp_path):
    path = written(tmp_path, "a\tr\tb\nb\ts\n")
    with pytest.raises(kg.GraphFormatError) as caught:
        kg.read_table(path)
    assert (caught.value.file, caught.value.line) == (str(path), 2)
    assert isinstance(caught.value, ValueError)


def test_a_missing_column_is_named(tmp_path):
    path = written(tmp_path, "\nhead\ttail\tkind\na\tb\tr\n")
    with pytest.raises(
        kg.GraphFormatError,
        match=r"facts\.tsv:2: .*columns \['head', 'relation', 'tail'\].*without \['relation'\]",
    ):
        kg.read_table(path, header=True)


def test_broken_csv_and_gzip_are_refused(tmp_path):
    path = written(tmp_path, 'a,r,b\na,r,"b\n', "facts.csv")
    with pytest.raises(kg.GraphFormatError, match=r"facts\.csv:2: must be CSV"):
        kg.read_table(path)
    path = written(tmp_path, gzip.compress(b"a\tr\tb\n")[:-4], "facts.tsv.gz")
    with pytest.raises(kg.GraphFormatError, match=r"facts\.tsv\.gz: must be a whole gzip file"):
        kg.read_table(path)
    path = written(tmp_path, b"a\tr\tb\n", "facts.tsv.gz")
    with pytest.raises(kg.GraphFormatError, match="must be a whole gzip file"):
        kg.read_table(path)


def test_the_suffix_must_tell_the_delimiter(tmp_path):
    with pytest.raises(ValueError, match=r"`delimiter` must be given unless .*facts\.dat"):
        kg.read_table(written(tmp_path, "a\tr\tb\n", "facts.dat"))


def test_a_damaged_file_is_named_where_it_is_damaged(tmp_path):
    path = written(tmp_path, "a,r,b\n" * 3 + 'a,"\r\n\n', "facts.csv")
    path.write_bytes(path.read_bytes() + b'\xe9",b\n')
    with pytest.raises(kg.GraphFormatError, match=r"facts\.csv:6: must be UTF-8.*0xe9"):
        kg.read_table(path)
    zipped = written(tmp_path, gzip.compress(b"a\tr\tb\na\tr\t\xff\n"), "facts.tsv.gz")
    with pytest.raises(kg.GraphFormatError, match=r"facts\.tsv\.gz:2: must be UTF-8.*0xff"):
        kg.read_table(zipped)


def test_lines_are_read_as_they_are_asked_for(tmp_path):
    path = written(tmp_path, b"a\n" * 10 + b"\xff")
    lines = tables.read_lines(path)
    assert next(lines) == (1, "a")
    with pytest.raises(kg.GraphFormatError, match=r"facts\.tsv:11: must be UTF-8"):
        list(lines)


field = st.text(min_size=1, max_size=6).map(str.strip).filter(bool)
plain = field.filter(lambda text: not set(text) & set("\t\r\n"))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(plain, plain), min_size=1, max_size=4), st.sampled_from([".tsv", ".tsv.gz"])
)
def test_written_tables_read_back(tmp_path_factory, rows, suffix):
    path = tmp_path_factory.mktemp("tables") / f"table{suffix}"
    kg.write_table(path, rows, ("left", "right"))
    assert kg.read_table(path, ("left", "right")) == rows
    assert kg.read_table(path, ("right", "left")) == [(right, left) for left, right in rows]
    assert list(path.parent.iterdir()) == [path]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(field, field), min_size=1, max_size=4))
@example([("a\rx", "y\rb"), ("c\r\nd", "e\nf"), ('"', ",")])
def test_csv_reads_back_whatever_the_fields_hold(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    kg.write_table(path, rows, ("left", "right"))
    assert kg.read_table(path, ("left", "right")) == rows


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("a", "r"), "Row 1 must have 3 fields that are not blank"),
        (("a", "", "b"), "Row 1 must have 3 fields that are not blank"),
        (("a\tb", "r", "c"), r"Row 1 must hold no '\\t' and no line end"),
        (("a ", "r", "c"), r"Row 1 must have no white space around a field.*'a '"),
        (("a\nb", "r", "c"), r"Row 1 must hold no '\\t' and no line end"),
    ],
)
def test_rows_that_would_not_read_back_are_not_written(tmp_path, row, message):
    path = written(tmp_path, "as it was")
    with pytest.raises(ValueError, match=message):
        kg.write_table(path, [("a", "r", "b"), row])
    assert path.read_text() == "as it was"


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = written(tmp_path, "as it was")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(tables.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        kg.write_table(path, ROWS)
    assert path.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [path]


def test_read_goes_by_the_suffix(tmp_path):
    graph = kg.KnowledgeGraph.from_triples(ROWS)
    assert kg.read(written(tmp_path, "a\tr\tb\nb\ts\tc d\n")) == graph
    assert kg.read(written(tmp_path, "a,r,b\nb,s,c d\n", "facts.csv")) == graph
    assert kg.read(written(tmp_path, "a;r;b\nb;s;c d\n", "facts.dat"), delimiter=";") == graph
    with pytest.raises(ValueError, match=r"must end in one of \.csv.*\.ttl.*facts\.dat"):
        kg.read(tmp_path / "facts.dat")
    with pytest.raises(
        ValueError, match=r"`columns` must name head, relation and tail.*\['tail'\]"
    ):
        kg.read(tmp_path / "facts.tsv", columns=("head", "relation"))
