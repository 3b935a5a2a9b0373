import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras.text import DictionaryLinker, Preprocessor, WordPieceTokenizer, WordTokenizer

MARKERS = ("<e1>", "</e1>")
TEXTS = ["<e1>São Tomé</e1> and paris x", "", "paris paris", "no one at all, no, no, no"]


@pytest.fixture(scope="module")
def linker():
    return DictionaryLinker(["sao tome", "Paris"], [7, 3])


@pytest.fixture(scope="module", params=["words", "pieces"])
def tokenizer(request, bert_vocabulary):
    if request.param == "words":
        return WordTokenizer.from_texts(TEXTS, markers=MARKERS)
    return WordPieceTokenizer.from_vocabulary(bert_vocabulary, markers=MARKERS)


def test_frames_cuts_and_pads():
    tokenizer = WordTokenizer(["a", "b", "c"])  # ids 4, 5, 6
    out = Preprocessor(tokenizer, sequence_length=5)(["a b", "", "a b c", "a b c a"])
    np.testing.assert_array_equal(
        out["token_ids"],
        [[2, 4, 5, 3, 0], [2, 3, 0, 0, 0], [2, 4, 5, 6, 3], [2, 4, 5, 6, 3]],
    )
    np.testing.assert_array_equal(out["padding_mask"].numpy().sum(axis=1), [4, 2, 5, 5])
    np.testing.assert_array_equal(out["padding_mask"], out["token_ids"].numpy() != 0)
    np.testing.assert_array_equal(out["entity_ids"], np.full((4, 5), -1))
    assert {name: value.dtype for name, value in out.items()} == {
        "token_ids": tf.int32,
        "padding_mask": tf.bool,
        "entity_ids": tf.int32,
    }


def test_every_piece_of_a_linked_word_has_the_entity(bert_vocabulary, linker):
    tokenizer = WordPieceTokenizer.from_vocabulary(bert_vocabulary, markers=MARKERS)
    out = Preprocessor(tokenizer, linker, sequence_length=14)(TEXTS[:1])
    pieces = [bert_vocabulary[i] for i in out["token_ids"][0]]
    assert pieces == [
        *["[CLS]", "[unused0]", "s", "##a", "##o", "t", "##o", "##m", "##e", "[unused1]"],
        *["a", "##n", "##d", "[SEP]"],
    ]
    assert out["entity_ids"][0].numpy().tolist() == [-1, -1, *[7] * 7, -1, -1, -1, -1, -1]


def test_linked(tokenizer, linker):
    preprocessor = Preprocessor(tokenizer, linker)
    linked = preprocessor.linked(TEXTS, max_mentions=2)
    assert linked.dtype == tf.int32
    assert linked.numpy().tolist() == [[7, 3], [-1, -1], [3, 3], [-1, -1]]
    assert preprocessor.linked(TEXTS, max_mentions=1).numpy().tolist() == [[7], [-1], [3], [-1]]
    assert Preprocessor(tokenizer).linked(TEXTS, 2).numpy().tolist() == [[-1, -1]] * 4


def test_a_batch_is_its_texts_one_by_one(tokenizer, linker):
    preprocessor = Preprocessor(tokenizer, linker, sequence_length=9)
    whole = preprocessor(TEXTS)
    for row, text in enumerate(TEXTS):
        for name, value in preprocessor([text]).items():
            np.testing.assert_array_equal(value[0], whole[name][row], err_msg=name)


def test_inside_a_pipeline(tokenizer, linker):
    preprocessor = Preprocessor(tokenizer, linker, sequence_length=9)
    dataset = tf.data.Dataset.from_tensor_slices(TEXTS).batch(4)
    dataset = dataset.map(preprocessor, num_parallel_calls=tf.data.AUTOTUNE)
    assert {tuple(spec.shape) for spec in dataset.element_spec.values()} == {(None, 9)}
    (batch,) = dataset
    for name, value in preprocessor(TEXTS).items():
        np.testing.assert_array_equal(batch[name], value, err_msg=name)


@pytest.mark.parametrize("texts", [[], ["", b"\xff\x00"]])
def test_odd_batches(tokenizer, linker, texts):
    out = Preprocessor(tokenizer, linker, sequence_length=6)(texts)
    assert {value.shape for value in out.values()} == {(len(texts), 6)}


@pytest.mark.slow
def test_exports(bert_vocabulary, linker, tmp_path):
    tokenizer = WordPieceTokenizer.from_vocabulary(bert_vocabulary, markers=MARKERS)
    preprocessor = Preprocessor(tokenizer, linker, sequence_length=12)
    archive = keras.export.ExportArchive()
    archive.track(preprocessor)
    archive.add_endpoint(
        "serve",
        lambda text: {**preprocessor(text), "linked": preprocessor.linked(text, 3)},
        [tf.TensorSpec((None,), tf.string, name="text")],
    )
    archive.write_out(str(tmp_path), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    served = loaded.signatures["serve"](text=tf.constant(TEXTS))
    expected = {**preprocessor(TEXTS), "linked": preprocessor.linked(TEXTS, 3)}
    assert served.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(served[name], value, err_msg=name)


def test_refuses():
    tokenizer = WordTokenizer(["a"])
    with pytest.raises(ValueError, match=r"must have room for a piece .*Received: 2"):
        Preprocessor(tokenizer, sequence_length=2)
    with pytest.raises(ValueError, match="`sequence_length` must be a positive integer"):
        Preprocessor(tokenizer, sequence_length=0.5)
    with pytest.raises(ValueError, match="`max_mentions` must be a positive integer"):
        Preprocessor(tokenizer).linked(["a"], 0)
    with pytest.raises(ValueError, match="`texts` must be a batch of strings"):
        Preprocessor(tokenizer)("a")


def test_marked_only_links_nominals_alone():
    from kgkeras.text import DictionaryLinker, Preprocessor, WordTokenizer

    tokenizer = WordTokenizer.from_texts(["dog cat in"], markers=("<e1>", "</e1>", "<e2>", "</e2>"))
    linker = DictionaryLinker(["dog", "cat", "in"], [0, 1, 2])
    preprocessor = Preprocessor(tokenizer, linker, 12, marked_only=True)
    texts = ["dog in <e1>cat</e1> in the <e2>dog</e2> in", "<e1>cat dog", "</e1> dog in"]
    entities = preprocessor(texts)["entity_ids"].numpy()
    #                     [S] dog in <e1> cat </e1> in the <e2> dog </e2> [E]
    assert entities[0].tolist() == [-1, -1, -1, -1, 1, -1, -1, -1, -1, 0, -1, -1]
    assert entities[1].tolist() == [-1, -1, 1, 0] + [-1] * 8
    assert (entities[2] == -1).all()
    assert preprocessor.linked(texts, 3).numpy().tolist() == [[1, 0, -1], [1, 0, -1], [-1] * 3]


def test_marked_names_are_read_as_they_are_spelled():
    forms = ["Bette Davis", "bette davis", "love", "Love and Bullets", "LOVE", "The End"]
    linker = DictionaryLinker(forms, range(6), [0, 9, 9, 0, 0, 0])
    tokenizer = WordTokenizer(["who", "is"], markers=("[", "]"))
    texts = ["who is [Bette Davis]", "who is [bette davis]", "[Love and Bullets]", "[[love]", "[]"]
    for marked_only in (True, False):
        preprocessor = Preprocessor(tokenizer, linker, 12, marked_only=marked_only)
        found = preprocessor.linked(texts, max_mentions=1)[:, 0].numpy().tolist()
        assert found == [0, 1, 3, 2, -1]


def test_markers_are_never_linked():
    forms = ["Rec [Two]", "rec [two]", "Foo ]", "foo ]", "U [", "u ["]
    linker = DictionaryLinker(forms, range(6))
    tokenizer = WordTokenizer(["who", "is"], markers=("[", "]"))
    for marked_only in (True, False):
        preprocessor = Preprocessor(tokenizer, linker, 12, marked_only=marked_only)
        read = preprocessor.words(["Rec [Two]", "who is [Foo] is", "U [who]"])
        assert (read["entity_ids"].numpy() == -1).all()


def test_marked_only_needs_pairs():
    from kgkeras.text import Preprocessor, WordTokenizer

    with pytest.raises(ValueError, match="`marked_only` needs pairs of markers"):
        Preprocessor(WordTokenizer(["a"], markers=("<e1>",)), marked_only=True)


def test_words_tell_what_was_read(tokenizer, linker):
    preprocessor = Preprocessor(tokenizer, linker, sequence_length=14)
    texts = ["<e1>São Tomé</e1> and paris", "paris paris", ""]
    words = {name: value.numpy() for name, value in preprocessor.words(texts).items()}
    assert {value.shape for value in words.values()} == {(3, 12)}
    assert words["words"][0, :7].tolist() == [
        word.encode() for word in ("<e1>", "São", "Tomé", "</e1>", "and", "paris", "")
    ]
    text = texts[0].encode()
    for word, start, end in zip(
        *(words[k][0, :6] for k in ("words", "starts", "ends")), strict=True
    ):
        assert text[start:end] == word
    assert words["starts"][:, -1].tolist() == words["ends"][:, -1].tolist() == [-1] * 3
    assert words["entity_ids"][:, :6].tolist() == [
        [-1, 7, 7, -1, -1, 3],
        [3, 3, -1, -1, -1, -1],
        [-1] * 6,
    ]
    assert words["mentions"][:, :3].tolist() == [
        [False, True, False],
        [True, True, False],
        [False] * 3,
    ]


def test_words_know_their_pieces(bert_vocabulary, linker):
    tokenizer = WordPieceTokenizer.from_vocabulary(bert_vocabulary, markers=MARKERS)
    words = Preprocessor(tokenizer, linker, sequence_length=14).words(TEXTS[:2])
    # The pieces of the test above: a marker, three of "São", four of "Tomé", ...
    assert words["places"].numpy().tolist() == [[0, 1, 1, 1, 2, 2, 2, 2, 3, 4, 4, 4], [-1] * 12]


def _pair(length, *texts):
    tokenizer = WordTokenizer(["a", "b", "c"])  # ids 4, 5, 6
    linker = DictionaryLinker(["a", "c"], [7, 9])
    out = Preprocessor(tokenizer, linker, sequence_length=length).pairs(*texts)
    return {name: column.numpy().tolist() for name, column in out.items()}


def test_pairs_stand_in_one_row():
    out = _pair(8, ["a b", "", "c"], ["c", "b a", ""])
    assert out["token_ids"] == [
        [2, 4, 5, 3, 6, 3, 0, 0],
        [2, 3, 5, 4, 3, 0, 0, 0],
        [2, 6, 3, 3, 0, 0, 0, 0],
    ]
    assert out["entity_ids"] == [
        [-1, 7, -1, -1, 9, -1, -1, -1],
        [-1, -1, -1, 7, -1, -1, -1, -1],
        [-1, 9, -1, -1, -1, -1, -1, -1],
    ]
    assert out["segment_ids"] == [
        [0, 0, 0, 0, 1, 1, 0, 0],
        [0, 0, 1, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 0, 0],
    ]
    assert np.sum(out["padding_mask"], axis=1).tolist() == [6, 5, 4]


@pytest.mark.parametrize(
    ("first", "second", "row"),
    [
        ("a a a a a a", "b", [2, 4, 4, 4, 4, 3, 5, 3]),  # the longer one is cut
        ("a", "b b b b b b", [2, 4, 3, 5, 5, 5, 5, 3]),
        ("a a a a a a", "b b b b b b", [2, 4, 4, 4, 3, 5, 5, 3]),  # half of the room each
        ("a a a", "b b b", [2, 4, 4, 4, 3, 5, 5, 3]),
        ("a a", "b b b", [2, 4, 4, 3, 5, 5, 5, 3]),
    ],
)
def test_pairs_that_do_not_fit_are_cut(first, second, row):
    out = _pair(8, [first], [second])
    assert out["token_ids"] == [row]
    assert out["segment_ids"][0].index(1) == row.index(3) + 1
    assert all(out["padding_mask"][0])


def test_pairs_need_room_for_two():
    assert _pair(5, ["a b"], ["c a"])["token_ids"] == [[2, 4, 3, 6, 3]]
    with pytest.raises(ValueError, match=r"`sequence_length` of at least 5\. Received: 4"):
        _pair(4, ["a"], ["b"])
