"""Vectors through files and back, and out of files that are wrong."""

import gzip
import pathlib
import struct
import tempfile

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from kgkeras import export, layers
from kgkeras.kg import GraphFormatError

FILES = {
    "npy": "v.npy",
    "projector": "log",
    "tsv": "v.tsv",
    "word2vec": "v.vec",
    "word2vec_binary": "v.bin",
}
NAMES = ("Ada", "Bern", "Čapek")
MATRIX = np.array([[1.5, -2.0], [0.1, 1e-30], [3e38, 7.0]], dtype="float32")


@pytest.fixture(autouse=True)
def reproducible():
    """Instead of the fixture of that name: hardly a test here uses Keras."""


def _letters(forbidden):
    letters = st.characters(exclude_categories=("Cs",), exclude_characters="\n\r\ufeff" + forbidden)
    return st.text(letters, min_size=1, max_size=6).filter(str.strip)


@st.composite
def vectors(draw):
    """A format, and names and float32 numbers that it can hold."""
    format = draw(st.sampled_from(sorted(FILES)))
    names = _letters("" if format == "npy" else "\t")
    if format.startswith("word2vec"):
        names = names.filter(lambda name: name.split() == [name])
    names = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
    shape = (len(names), draw(st.integers(1, 4)))
    return format, names, draw(st_numpy.arrays("float32", shape, elements=numbers))


@settings(deadline=None, max_examples=100)
@given(vectors())
def test_what_is_written_comes_back(drawn):
    format, names, matrix = drawn
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / FILES[format]
        export.write_vectors(names, matrix, path, format=format)
        read = export.read_vectors(path)
        left = {item.name for item in path.parent.iterdir()}
    assert read.names == tuple(names)
    assert read.matrix.dtype == "float32"
    np.testing.assert_array_equal(read.matrix, matrix)
    assert left == {path.name} | ({"v.names.tsv"} if format == "npy" else set())


def test_text_for_other_programs(tmp_path):
    matrix = [[1, -2.5], [0.1, 3]]
    export.write_vectors(["a b", "ü"], matrix, tmp_path / "v.tsv")
    assert (tmp_path / "v.tsv").read_bytes() == "a b\t1\t-2.5\nü\t0.100000001\t3\n".encode()
    export.write_vectors(["a", "ü"], matrix, tmp_path / "v.txt")
    assert (tmp_path / "v.txt").read_bytes() == "2 2\na 1 -2.5\nü 0.100000001 3\n".encode()
    export.write_vectors(["a", "ü"], matrix, tmp_path / "v.bin")
    assert (tmp_path / "v.bin").read_bytes() == (
        b"2 2\na "
        + struct.pack("<2f", 1, -2.5)
        + b"\n\xc3\xbc "
        + struct.pack("<2f", 0.1, 3)
        + b"\n"
    )
    export.write_vectors(["a b", "ü"], matrix, tmp_path / "v.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), np.float32(matrix))
    assert (tmp_path / "v.names.tsv").read_text(encoding="utf-8") == "a b\nü\n"


def test_the_projector_reads_its_folder(tmp_path):
    projector_plugin = pytest.importorskip("tensorboard.plugins.projector.projector_plugin")
    text_format = pytest.importorskip("google.protobuf.text_format")
    (tmp_path / "events").write_text("stays")
    export.write_vectors(NAMES, MATRIX, tmp_path, format="projector")
    config = projector_plugin.ProjectorConfig()
    text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), config)
    (embedding,) = config.embeddings
    numbers = projector_plugin._read_tensor_tsv_file(str(tmp_path / embedding.tensor_path))
    np.testing.assert_array_equal(numbers, MATRIX)
    metadata = (tmp_path / embedding.metadata_path).read_text(encoding="utf-8")
    assert metadata == "Ada\nBern\nČapek\n"
    assert (tmp_path / "events").read_text() == "stays"


def test_word2vec_as_others_write_it(tmp_path):
    # The original program ends each row by a space; in binary files some leave line feeds out.
    (tmp_path / "v.txt").write_bytes(b"2 2\r\n</s> 1 2 \r\nnew\xc2\xa0york 3 4 \r\n")
    read = export.read_vectors(tmp_path / "v.txt")
    assert read.names == ("</s>", "new\u00a0york")
    np.testing.assert_array_equal(read.matrix, [[1, 2], [3, 4]])
    rows = struct.pack("<2f", 1, 2), struct.pack("<2f", 3, 4)
    (tmp_path / "v.bin").write_bytes(b"2 2\na " + rows[0] + b"b " + rows[1])
    read = export.read_vectors(tmp_path / "v.bin")
    assert read.names == ("a", "b")
    np.testing.assert_array_equal(read.matrix, [[1, 2], [3, 4]])
    with gzip.open(tmp_path / "v.txt.gz", "wb") as file:
        file.write(b"1 1\na 5\n")
    assert export.read_vectors(tmp_path / "v.txt.gz", format="word2vec").matrix == [[5]]


@pytest.mark.parametrize("format", sorted(FILES))
def test_only_some(tmp_path, format):
    path = tmp_path / FILES[format]
    export.write_vectors(NAMES, MATRIX, path, format=format)
    read = export.read_vectors(path, only={"Čapek", "Ada", "Zürich"})
    assert read.names == ("Ada", "Čapek")
    np.testing.assert_array_equal(read.matrix, MATRIX[[0, 2]])
    read = export.read_vectors(path, only=())
    assert (read.names, read.matrix.shape) == ((), (0, 2))


def test_numbers_of_rows_left_out_are_not_looked_at(tmp_path):
    (tmp_path / "v.tsv").write_text("a\t1\nb\tnan\n")
    assert export.read_vectors(tmp_path / "v.tsv", only={"a"}).names == ("a",)


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "v.npy"
    export.write_vectors(NAMES, MATRIX, path)

    def full(*_):
        raise OSError("No space left")

    monkeypatch.setattr("kgkeras.export.vector_files._write_lines", full)
    with pytest.raises(OSError, match="No space left"):
        export.write_vectors(NAMES[:1], MATRIX[:1], path)
    assert export.read_vectors(path).names == NAMES
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "format", "fault"),
    [
        ("two words", "word2vec", "white space in the format 'word2vec'.*'two words'"),
        ("a\u00a0b", "word2vec_binary", "white space"),
        ("a\tb", "word2vec", "white space"),
        ("a\tb", "tsv", "tab in the format 'tsv'"),
        ("a\tb", "projector", "tab"),
        ("a\nb", "npy", "line end"),
        ("a\r", "tsv", "line end"),
    ],
)
def test_names_that_a_format_cannot_hold(tmp_path, name, format, fault):
    with pytest.raises(ValueError, match=f"Row 1 of `names` must hold no {fault}"):
        export.write_vectors(["fine", name], MATRIX[:2], tmp_path / "v", format=format)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("names", "matrix", "message"),
    [
        ([], MATRIX[:0], "`names` must hold at least one name"),
        (["a", " "], MATRIX[:2], r"Row 1 of `names` must be a string, not blank: ' '"),
        (["a", 7], MATRIX[:2], r"Row 1 of `names` must be a string, not blank: 7"),
        (["a", "b", "a"], MATRIX, "`names` must be unique. Received: 'a' again in row 2"),
        (["a"], MATRIX, r"shape \(1, dim\): one row a name. Received: shape \(3, 2\)"),
        (["a"], MATRIX[0], r"Received: shape \(2,\)"),
        (["a"], MATRIX[:1, :0], r"Received: shape \(1, 0\)"),
        (["a"], MATRIX[:1].astype(str), "real numbers. Received: dtype"),
        (["a", "b"], [[1, 2], [np.nan, 1]], "finite float32 numbers.* in row 1"),
        (["a"], [[1e39]], "finite float32 numbers"),
    ],
)
def test_what_cannot_be_written(tmp_path, names, matrix, message):
    with pytest.raises(ValueError, match=message):
        export.write_vectors(names, matrix, tmp_path / "v.tsv")
    assert not list(tmp_path.iterdir())


def test_formats_that_are_not_told(tmp_path):
    for use in (lambda p: export.write_vectors(NAMES, MATRIX, p), export.read_vectors):
        with pytest.raises(ValueError, match=r"`format` must be given \(one of npy, projector"):
            use(tmp_path / "v.csv")
    with pytest.raises(ValueError, match="`format` must be one of 'npy', 'projector'"):
        export.read_vectors(tmp_path / "v.tsv", format="csv")


FLOATS = struct.pack("<2f", 1, 2)
NAN = struct.pack("<2f", 1, np.nan)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("v.tsv", b"", r"v\.tsv: must have at least one row"),
        ("v.tsv", b"a\t1\t2\n\nb\t3\n", r"v\.tsv:3: must have 2 numbers. Received: 1, for 'b'"),
        ("v.tsv", b"a\n", r"v\.tsv:1: must have 1 numbers. Received: 0"),
        ("v.tsv", b"a\t1\nb\tx\n", r"v\.tsv:2: must hold numbers. Received, for 'b': .*'x'"),
        ("v.tsv", b"a\t1\tNaN\n", r"v\.tsv:1: .*finite.*Received: NaN in column 2, for 'a'"),
        ("v.tsv", b"a\t1e39\n", r"v\.tsv:1: must hold finite float32 numbers. Received: 1e39"),
        ("v.tsv", b"a\t1\nb\t1\na\t2\n", r"v\.tsv:3: each name.* Received: 'a' again"),
        ("v.tsv", b"a\t1\n \t1\n", r"v\.tsv:2: the name must not be blank"),
        ("v.tsv", b"a\t1\n\xff\t1\n", r"v\.tsv:2: must be UTF-8"),
        ("v.vec", b"", r"v\.vec:1: must begin with the numbers of rows and columns"),
        ("v.vec", b"the 0.1 0.2\n", r"v\.vec:1: must begin with .* Received: 'the 0\.1 0\.2'"),
        ("v.vec", b"1 0\na\n", r"v\.vec:1: must begin with"),
        ("v.vec", b"2 2\na 1 2\nb 1\n", r"v\.vec:3: must have 2 numbers. Received: 1"),
        ("v.vec", b"1 2\na b 1 2\n", r"v\.vec:2: must have 2 numbers. Received: 3"),
        ("v.vec", b"3 2\na 1 2\n", r"v\.vec: must hold 3 rows, .* Received: 1"),
        ("v.vec", b"1 2\na 1 2\nb 1 2\n", r"v\.vec: must hold 1 rows, .* Received: 2"),
        ("v.bin", b"", r"v\.bin:1: must begin with"),
        ("v.bin", b"9999999999 2\na " + FLOATS, r"v\.bin:2: must hold 9999999999 rows of 2"),
        ("v.bin", b"1 2\na " + FLOATS[:-1], r"v\.bin:1: must hold 1 rows of 2 numbers"),
        ("v.bin", b"1 2\na " + FLOATS + b"\nb", r"v\.bin: must end after 1 rows.* 2 bytes more"),
        ("v.bin", b"1 2\n\xff " + FLOATS, r"v\.bin:1: the name must be UTF-8"),
        ("v.bin", b"1 2\na " + NAN, r"v\.bin:1: must hold finite .* nan in column 2, for 'a'"),
    ],
)
def test_files_that_are_wrong(tmp_path, file, content, message):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(GraphFormatError, match=message):
        export.read_vectors(tmp_path / file)


def test_pairs_of_files_that_are_wrong(tmp_path):
    path, names = tmp_path / "v.npy", tmp_path / "v.names.tsv"
    names.write_text("a\nb\n")
    np.save(path, MATRIX)
    message = r"v\.names\.tsv: must have one line for each row of v\.npy. Received: fewer lines"
    with pytest.raises(GraphFormatError, match=message):
        export.read_vectors(path)
    np.save(path, MATRIX[:1])
    with pytest.raises(GraphFormatError, match="Received: more lines than rows"):
        export.read_vectors(path)
    np.save(path, MATRIX[0])
    with pytest.raises(GraphFormatError, match=r"shape \(names, dim\). Received: shape \(2,\)"):
        export.read_vectors(path)
    path.write_bytes(b"no array")
    with pytest.raises(GraphFormatError, match=r"v\.npy: must be a NumPy array"):
        export.read_vectors(path)
    export.write_vectors(NAMES, MATRIX, tmp_path / "log", format="projector")
    (tmp_path / "log" / "metadata.tsv").write_text("a\n")
    with pytest.raises(GraphFormatError, match=r"metadata\.tsv: .* vectors\.tsv. Received: fewer"):
        export.read_vectors(tmp_path / "log")


def test_vectors_of_a_vocabulary():
    entities = ["Čapek", "Zürich", "Ada", "Oslo"]
    aligned = export.vectors_for(NAMES, MATRIX, entities, missing="zeros")
    np.testing.assert_array_equal(aligned.matrix, [MATRIX[2], [0, 0], MATRIX[0], [0, 0]])
    assert aligned.missing == ("Zürich", "Oslo")
    keras.utils.set_random_seed(1)
    layer = layers.EntityEmbedding(4, 2, initial_matrix=aligned.matrix)
    np.testing.assert_array_equal(layer(np.array([0, 1])), aligned.matrix[:2])


def test_missing_vectors_are_drawn_like_the_others():
    rng = np.random.default_rng(2)
    matrix = rng.normal([5, -3], [0.1, 2], (400, 2))
    names = [f"n{i}" for i in range(400)]
    strangers = [f"s{i}" for i in range(3000)]
    aligned = export.vectors_for(names, matrix, [*strangers, *names[:200]])
    np.testing.assert_array_equal(aligned.matrix[3000:], matrix[:200].astype("float32"))
    drawn = aligned.matrix[:3000]
    np.testing.assert_allclose(drawn.mean(axis=0), matrix[:200].mean(axis=0), atol=0.15)
    np.testing.assert_allclose(drawn.std(axis=0), matrix[:200].std(axis=0), rtol=0.1)
    assert aligned.missing == tuple(strangers)
    again = export.vectors_for(names, matrix, [*strangers, *names[:200]])
    np.testing.assert_array_equal(again.matrix, aligned.matrix)
    other = export.vectors_for(names, matrix, [*strangers, *names[:200]], seed=1)
    assert not np.array_equal(other.matrix, aligned.matrix)


def test_vectors_that_do_not_fit():
    with pytest.raises(ValueError, match="`missing` must be one of 'zeros', 'random'"):
        export.vectors_for(NAMES, MATRIX, NAMES, missing="mean")
    with pytest.raises(ValueError, match=r"2 names, 2 of them different, and shape \(3, 2\)"):
        export.vectors_for(NAMES[:2], MATRIX, NAMES)
    with pytest.raises(ValueError, match="3 names, 2 of them different"):
        export.vectors_for(["a", "b", "a"], MATRIX, NAMES)
    with pytest.raises(ValueError, match=r"At least one.*such as 'e0', 'e1'; names such as 'Ada'"):
        export.vectors_for(NAMES, MATRIX, ["e0", "e1"])
