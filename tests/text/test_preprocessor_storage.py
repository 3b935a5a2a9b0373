"""Saved preprocessors: the same after loading, never half written, never loaded when damaged."""

import functools
import json
import os

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import kg, text

MARKERS = ("<e1>", "</e1>")
SETTINGS, WORDS, FORMS = "preprocessor.json", "vocabulary.txt", "surface_forms.tsv"
FACTS = "told_facts.tsv"
NAMES = ("São Tomé", "Eva", "eva", "the", "paris", "＝x", "a the", "北京", "a b c d e f g h i")
# Lines of their own to whoever splits as Unicode does; BERT's multilingual vocabulary has such.
ODD_PIECES = ("\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r", "\u3000", " ", "\t", "")


def _graph():
    ids = [f"q{i}" for i in range(len(NAMES))]
    facts = np.array([[2, 0, 0], [2, 0, 3]], "int32")
    return kg.KnowledgeGraph(ids, ["r"], facts, entity_texts=kg.Texts(names=NAMES))


def _words():
    return text.WordTokenizer.from_texts([" ".join(NAMES), "x ＝x e1 10€ ʻokina"], markers=MARKERS)


def _pieces(vocabulary, **options):
    options = {"markers": MARKERS} | options
    return text.WordPieceTokenizer.from_vocabulary([*vocabulary, *ODD_PIECES], **options)


def _round_trip(preprocessor, folder):
    text.save_preprocessor(preprocessor, folder)
    return text.load_preprocessor(folder)


@pytest.fixture(scope="module", params=["words marked", "words alone", "pieces", "pieces facts"])
def pair(request, bert_vocabulary, tmp_path_factory):
    """A preprocessor, and what comes of keeping it."""
    kind, *options = request.param.split()
    tokenizer = _words() if kind == "words" else _pieces(bert_vocabulary)
    linker = None if "alone" in options else text.DictionaryLinker.from_graph(_graph())
    made = text.Preprocessor(tokenizer, linker, 12, marked_only="marked" in options)
    if "facts" in options:
        made = text.VerbalizedTriples(made, _graph())
    return made, _round_trip(made, tmp_path_factory.mktemp("kept") / "preprocessor")


def _all(preprocessor, texts):
    return {**preprocessor(texts), "linked": preprocessor.linked(texts, 3)}


@pytest.fixture(scope="module")
def functions(pair):
    """All that each of the two makes of texts; in a graph, to be quick."""
    spec = tf.TensorSpec((None,), tf.string)
    return [tf.function(functools.partial(_all, each), input_signature=[spec]) for each in pair]


def _check_same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


parts = st.sampled_from((*NAMES, *MARKERS, "EVA", "x", "‘", "\x00", "[UNK]", "##s", *ODD_PIECES))
texts = st.lists(
    st.lists(parts | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)).map("".join)
    | st.lists(parts, max_size=8).map(" ".join),
    min_size=1,
    max_size=5,
)


@given(texts)
@settings(deadline=None, max_examples=30)
def test_the_loaded_one_makes_the_same_of_every_text(functions, texts):
    made, loaded = (function(tf.constant(texts)) for function in functions)
    _check_same(loaded, made)


SENTENCES = ["<e1>São Tomé</e1> and paris x", "", "Eva, eva: EVA the x", "no one at all, no, no"]


@pytest.mark.slow
def test_inside_a_pipeline_and_after_export(bert_vocabulary, tmp_path):
    linker = text.DictionaryLinker.from_graph(_graph())
    made = text.Preprocessor(_pieces(bert_vocabulary, lowercase=False), linker, 12)
    loaded = _round_trip(made, tmp_path / "kept")
    wanted = made(SENTENCES)
    (batch,) = tf.data.Dataset.from_tensor_slices(SENTENCES).batch(4).map(loaded)
    _check_same(batch, wanted)
    archive = keras.export.ExportArchive()
    archive.track(loaded)
    archive.add_endpoint("serve", loaded, [tf.TensorSpec((None,), tf.string, name="text")])
    archive.write_out(str(tmp_path / "1"), verbose=False)
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serve"]
    _check_same(served(tf.constant(SENTENCES)), wanted)


def test_what_is_known_of_the_parts_is_kept(pair):
    made, loaded = pair
    assert type(loaded) is type(made)
    if isinstance(made, text.VerbalizedTriples):
        assert loaded.max_facts == made.max_facts == 2
        assert len(made.told_facts().heads) == 2
        for kept, told in zip(loaded.told_facts(), made.told_facts(), strict=True):
            np.testing.assert_array_equal(kept, told)
        made, loaded = made.preprocessor, loaded.preprocessor
    for name in ("sequence_length", "marked_only"):
        assert getattr(loaded, name) == getattr(made, name)
    names = ("vocabulary", "vocabulary_size", "markers", "marker_ids", "pad_id", "unknown_id")
    for name in (*names, "start_id", "end_id"):
        assert getattr(loaded.tokenizer, name) == getattr(made.tokenizer, name)
    assert loaded.tokenizer.get_config() == made.tokenizer.get_config()
    if made.linker is None:
        assert loaded.linker is None
    else:
        assert loaded.linker.form_table() == made.linker.form_table()
        assert loaded.linker.num_too_long == 1


def test_other_word_pieces(bert_vocabulary, tmp_path):
    """Options that the usual vocabularies do not use, and tokens of a class of KerasHub's."""
    plain = keras_hub.tokenizers.WordPieceTokenizer(
        ["[PAD]", "[CLS]", "[SEP]", "?", "北京", "@s", "a", "E"],
        oov_token="?",
        suffix_indicator="@",
        special_tokens=["E"],
        lowercase=True,
        special_tokens_in_strings=True,
    )
    bert = keras_hub.models.BertTokenizer(
        bert_vocabulary, lowercase=True, special_tokens_in_strings=True, split_on_cjk=False
    )
    for number, tokenizer in enumerate((plain, bert)):
        made = text.Preprocessor(text.WordPieceTokenizer(tokenizer), None, 16)
        loaded = _round_trip(made, tmp_path / str(number))
        assert loaded.tokenizer.get_config() == made.tokenizer.get_config()
        sentences = ["E e as E 北京 a", "[MASK] [mask] é 北京", "Ⅳ"]
        _check_same(_all(loaded, sentences), _all(made, sentences))


def test_the_files_are_plain(tmp_path):
    made = text.Preprocessor(
        text.WordTokenizer(["b", "a"], MARKERS), text.DictionaryLinker(["B a", "C"], [4, 2]), 9
    )
    folder = tmp_path / "new" / "preprocessor"
    text.save_preprocessor(made, folder)
    assert {path.name: path.read_text() for path in folder.glob("*.t*")} == {
        "vocabulary.txt": "b\na\n",
        "surface_forms.tsv": "b a\t4\nc\t2\n",
    }
    assert json.loads((folder / "preprocessor.json").read_text()) == {
        "format": "kgkeras.Preprocessor",
        "version": 1,
        "sequence_length": 9,
        "marked_only": False,
        "tokenizer": {"kind": "WordTokenizer", "markers": ["<e1>", "</e1>"]},
        "linker": {"num_too_long": 0, "num_without_words": 0},
        "lines": {"vocabulary.txt": 2, "surface_forms.tsv": 2},
    }
    assert len(list(folder.iterdir())) == 3


def _telling():
    graph = kg.KnowledgeGraph(["a", "b", "c"], ["r"], np.array([[0, 0, 2], [2, 0, 1]], "int32"))
    linker = text.DictionaryLinker(["a", "c"], [0, 2])
    return text.VerbalizedTriples(
        text.Preprocessor(text.WordTokenizer(["r", "b", "c"]), linker, 9), graph
    )


def test_the_file_of_facts_is_plain(tmp_path):
    made = _telling()
    folder = tmp_path / "kept"
    text.save_preprocessor(made, folder)
    vocabulary = made.tokenizer.vocabulary
    first = made.tokenizer.vocabulary_size - len(vocabulary)  # the word's place
    r, b, c = (first + vocabulary.index(word) for word in "rbc")
    assert (folder / FACTS).read_text() == f"0\t{r} {c}\n2\t{r} {b}\n"
    settings = json.loads((folder / SETTINGS).read_text())
    assert settings["facts"] == {"max_facts": 2, "num_entities": 3}
    assert settings["lines"][FACTS] == 2


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (None, "told_facts.tsv: must be there"),
        (lambda _: b"0\t4 6\n2 4\n", "told_facts.tsv:2: must hold the id of an entity, a tab"),
        (lambda _: b"0\t4 -6\n", "told_facts.tsv:1: must hold the id of an entity"),
        (lambda _: b"0\t4 6\n", r"'told_facts.tsv': 2}. Received: .*'told_facts.tsv': 1}"),
        (lambda _: b"2\t4\n0\t4\n", "sorted by their heads, numbers below 3"),
        (lambda _: b"0\t4\n3\t4\n", "numbers below 3. Received: 2 facts, heads up to 3"),
        (lambda _: b"0\t4\n2\t99\n", r"Tokens must be numbers below \d. Received: 99"),
    ],
)
def test_damaged_facts_are_told(tmp_path, edit, message):
    folder = tmp_path / "kept"
    text.save_preprocessor(_telling(), folder)
    content = (folder / FACTS).read_bytes()
    (folder / FACTS).unlink()
    if edit is not None:
        (folder / FACTS).write_bytes(edit(content))
    with pytest.raises(kg.GraphFormatError, match=message):
        text.load_preprocessor(folder)


def test_facts_that_do_not_fit_the_settings(tmp_path):
    text.save_preprocessor(_telling(), tmp_path / "kept")
    path = tmp_path / "kept" / SETTINGS
    for edit, message in (
        (_edited(facts={"max_facts": 0, "num_entities": 3}), "`max_facts` must be a positive"),
        (_edited(facts={"max_facts": 2, "num_entities": "x"}), "`num_entities` must be a positive"),
        (_edited(facts={"max_facts": 2, "num_entities": 2}), "numbers below 2"),
        (_edited(facts={"max_facts": 2}), "whole preprocessor: .*'num_entities'"),
        (_edited(facts=[1]), "must hold a whole preprocessor: "),
    ):
        content = path.read_bytes()
        path.write_bytes(edit(content))
        with pytest.raises(kg.GraphFormatError, match=message):
            text.load_preprocessor(tmp_path / "kept")
        path.write_bytes(content)
    (tmp_path / "kept" / FACTS).write_bytes(b"0\t4\n1\t4\n")
    path.write_bytes(_edited(facts={"max_facts": 1, "num_entities": 2})(content))
    with pytest.raises(kg.GraphFormatError, match="must be above 2, which a form names"):
        text.load_preprocessor(tmp_path / "kept")
    (tmp_path / "kept" / FACTS).write_bytes(b"2\t4\n2\t4\n")
    path.write_bytes(_edited(facts={"max_facts": 1, "num_entities": 3})(content))
    with pytest.raises(kg.GraphFormatError, match="An entity must have at most 1 facts"):
        text.load_preprocessor(tmp_path / "kept")


def _small(words=("a", "b"), linker=True):
    linker = text.DictionaryLinker(["New York", "b"], [1, 0]) if linker else None
    return text.Preprocessor(text.WordTokenizer(words), linker, 8)


def test_a_saved_preprocessor_is_replaced_and_nothing_else_is(tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    text.save_preprocessor(_small(), folder)
    loaded = _round_trip(_small(("c",), linker=False), folder)
    assert loaded.tokenizer.vocabulary == ("c",)
    assert sorted(path.name for path in folder.iterdir()) == ["preprocessor.json", "vocabulary.txt"]
    (folder / "thesis.tex").write_text("precious")
    with pytest.raises(kg.GraphFormatError, match=r"but a saved preprocessor .*\['thesis.tex'\]"):
        text.save_preprocessor(_small(), folder)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "preprocessor.json").write_text("{}")
    (tmp_path / "file").write_text("precious")
    for name in ("thesis", "file"):
        with pytest.raises(kg.GraphFormatError, match="exists and is no saved preprocessor"):
            text.save_preprocessor(_small(), tmp_path / name)
    assert text.load_preprocessor(folder).tokenizer.vocabulary == ("c",)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt])
def test_a_failed_save_leaves_everything_as_it_was(tmp_path, monkeypatch, there, kind):
    folder = tmp_path / "kept"
    if there:
        text.save_preprocessor(_small(), folder)
    replace = os.replace

    def fail(source, target):
        if source.name == "new":
            raise kind("busy")
        replace(source, target)

    def full(*_):
        raise kind("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("kgkeras.kg.whole_folder.os.replace", fail)
        with pytest.raises(kind, match="busy"):
            text.save_preprocessor(_small(("c",)), folder)
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_bytes", full)
        with pytest.raises(kind, match="disk full"):
            text.save_preprocessor(_small(("c",)), folder)
    assert [path.name for path in tmp_path.iterdir()] == (["kept"] if there else [])
    assert not there or text.load_preprocessor(folder).tokenizer.vocabulary == ("a", "b")


def _edited(**changes):
    def edit(content):
        return json.dumps({**json.loads(content), **changes}).encode()

    return edit


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        (SETTINGS, None, r"must be a saved preprocessor. Received: no preprocessor.json"),
        (SETTINGS, lambda _: b"{", r"preprocessor.json: must be JSON: "),
        (SETTINGS, lambda _: b"[]", r"preprocessor.json: must be a JSON object"),
        (SETTINGS, lambda c: c + b"\xff", r"preprocessor.json:\d+: must be UTF-8"),
        (SETTINGS, _edited(version=2), r"version 1. Received: 'kgkeras.Preprocessor', version 2"),
        (SETTINGS, lambda c: c.replace(b"marked", b"m"), r"Missing: \['marked_only'\]"),
        (SETTINGS, _edited(sequence_length=2), "whole preprocessor: `sequence_length` must have"),
        (SETTINGS, _edited(tokenizer={"kind": "Magic"}), "`kind` must be one of 'WordTokenizer'"),
        (
            SETTINGS,
            _edited(tokenizer={"kind": "WordTokenizer", "x": 1}),
            "unexpected keyword .*'x'",
        ),
        (SETTINGS, _edited(tokenizer=[]), "must hold a whole preprocessor: "),
        (SETTINGS, _edited(linker=None), r"must hold as many lines as .*Received: {'vocabulary.t"),
        (SETTINGS, _edited(linker={"x": 1}), "must hold a whole preprocessor: .*'x'"),
        (WORDS, None, "vocabulary.txt: must be there. Received: no such file"),
        (WORDS, lambda _: b"a\n", r"says: {'vocabulary.txt': 2, .*Received: {'vocabulary.txt': 1"),
        (WORDS, lambda _: b"a\nb", "vocabulary.txt:2: must end in a line feed"),
        (WORDS, lambda _: b"a\n\xc3\n", "vocabulary.txt:2: must be UTF-8. Received: byte 0xc3"),
        (WORDS, lambda _: b"a\na\n", "must hold a whole preprocessor: .*must not repeat a word"),
        (FORMS, None, "surface_forms.tsv: must be there"),
        (FORMS, lambda _: b"a\t1\nb 2\n", r"surface_forms.tsv:2: must hold the words .*b'b 2'"),
        (FORMS, lambda _: b"a\t1\nb\t-2\n", r"surface_forms.tsv:2: must hold the words"),
        (FORMS, lambda _: b"a\t1\nb\t2147483648\n", r"surface_forms.tsv:2: .*b'b\\t2147483648'"),
        (FORMS, lambda _: b"a\t1\na\t2\n", r"surface_forms.tsv:2: must not repeat b'a'"),
    ],
)
def test_damage_is_told(tmp_path, name, edit, message):
    folder = tmp_path / "kept"
    text.save_preprocessor(_small(), folder)
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if edit is not None:
        path.write_bytes(edit(content))
    with pytest.raises(kg.GraphFormatError, match=message) as error:
        text.load_preprocessor(folder)
    assert str(folder) in str(error.value)


def test_what_cannot_be_kept(bert_vocabulary, tmp_path):
    class Other(text.WordTokenizer):
        pass

    with pytest.raises(
        ValueError, match=r"tokenizer` must be a WordTokenizer or .*Received: .*Oth"
    ):
        text.save_preprocessor(text.Preprocessor(Other(["a"])), tmp_path / "kept")
    made = text.Preprocessor(text.WordTokenizer(["a"]), lambda words: words)
    with pytest.raises(ValueError, match="linker` must be a DictionaryLinker to be saved"):
        text.save_preprocessor(made, tmp_path / "kept")
    lines = text.WordPieceTokenizer.from_vocabulary([*bert_vocabulary, "a\nb"])
    with pytest.raises(ValueError, match=r"without line end, .*Received: 'a\\nb'"):
        text.save_preprocessor(text.Preprocessor(lines), tmp_path / "kept")

    class Letters(keras_hub.tokenizers.WordPieceTokenizer):
        def tokenize(self, inputs):
            return tf.strings.unicode_decode(inputs, "UTF-8")

    letters = text.WordPieceTokenizer(Letters(bert_vocabulary))
    with pytest.raises(ValueError, match="Received: one of a class that overrides `tokenize`"):
        text.save_preprocessor(text.Preprocessor(letters), tmp_path / "kept")
    assert not list(tmp_path.iterdir())
