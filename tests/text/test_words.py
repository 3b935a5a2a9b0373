import unicodedata

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras.text import normalise, split_words
from kgkeras.text.words import marker_index

MARKERS = ("<e1>", "</e1>")


def spelled(ragged):
    return [[word.decode() for word in row] for row in ragged.to_list()]


def normal(*words):
    return [word.decode() for word in normalise(tf.constant(words)).numpy()]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n\u00a0\u3000", []),
        ("Hello, world!", ["Hello", ",", "world", "!"]),
        ("d’Ivoire U.S.", ["d", "’", "Ivoire", "U", ".", "S", "."]),
        ("São\u00a0Tomé", ["São", "Tomé"]),
        ("Sa\u0303o", ["Sa\u0303o"]),
        ("a_b^c", ["a", "_", "b", "^", "c"]),
        ("10€ Cola™", ["10€", "Cola™"]),
        ("北京x2", ["北", "京", "x2"]),
        ("a\x00b\x07c\u200bd\ufeffe", ["a", "b", "c", "d", "e"]),
    ],
)
def test_words(text, words):
    assert spelled(split_words([text]).words) == [words]


def test_the_four_parts_fit_together():
    words = split_words(["É! ab", "", "x"])
    assert spelled(words.words) == [["É", "!", "ab"], [], ["x"]]
    assert spelled(words.normalised) == [["e", "!", "ab"], [], ["x"]]
    assert words.starts.to_list() == [[0, 2, 4], [], [0]]
    assert words.ends.to_list() == [[2, 3, 6], [], [1]]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3))
@settings(deadline=None, max_examples=40)
def test_offsets_lead_to_the_spelling_and_only_spaces_are_left_out(texts):
    words = split_words(tf.constant(texts, tf.string, shape=(len(texts),)))
    for row, text in enumerate(texts):
        data, rest, last = text.encode(), b"", 0
        for word, start, end in zip(
            words.words[row].numpy(),
            words.starts[row].numpy(),
            words.ends[row].numpy(),
            strict=True,
        ):
            assert last <= start < end
            assert data[start:end].replace(b"\x00", b" ") == word
            rest, last = rest + data[last:start], end
        kinds = {unicodedata.category(c) for c in (rest + data[last:]).decode()}
        assert kinds <= {"Zs", "Zl", "Zp", "Cc", "Cf"}


def test_bytes_that_are_no_text_do_not_stop_the_graph():
    split = tf.function(lambda texts: split_words(texts).normalised)
    words = split(tf.constant([b"\xff", b"caf\xe9 x", b"\xed\xa0\x80", b"ok"])).to_list()
    assert words[1] == [b"caf", b"x"]
    assert words[3] == [b"ok"]
    assert len(words[0]) == len(words[2]) == 1


def test_markers_stay_whole_and_have_no_normal_form():
    words = split_words(["a<e1>São</e1>, <e2>"], MARKERS)
    assert spelled(words.words) == [["a", "<e1>", "São", "</e1>", ",", "<", "e2", ">"]]
    assert spelled(words.normalised) == [["a", "", "sao", "", ",", "<", "e2", ">"]]


def test_the_longer_of_two_markers_wins():
    assert spelled(split_words(["<<<"], ("<", "<<")).words) == [["<<", "<"]]


def test_markers_are_not_patterns():
    assert spelled(split_words(["aXb a.b"], ("a.b",)).words) == [["aXb", "a.b"]]


@pytest.mark.parametrize(
    ("words", "form"),
    [
        (["São", "SÃO", "sa\u0303o", "sao"], "sao"),
        (["Straße", "STRASSE", "strasse"], "strasse"),
        (["Οδυσσεύς", "ΟΔΥΣΣΕΥΣ"], "οδυσσευσ"),
        (["İstanbul", "istanbul"], "istanbul"),
        (["Hawaiʻi", "hawaiʼi", "HAWAI´I"], "hawai'i"),
        (["’", "‘", "'"], "'"),
        (["–", "—", "−", "-"], "-"),
        (["Cola™", "COLA®", "cola"], "cola"),
        (["ﬁ", "ＦＩ"], "fi"),
        (["が", "か\u3099"], "が"),
        (["हिन्दी"], "हिन्दी"),
        (["Київ", "київ"], "киів"),
    ],
)
def test_normal_form(words, form):
    assert normal(*words) == [form] * len(words)


def test_words_that_normalise_to_nothing_stay():
    assert normal("™", "\u0301", "\u3164", "¨") == ["™", "\u0301", "\u3164", "¨"]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zs", "Zl", "Zp"]), min_size=1))
@settings(deadline=None, max_examples=80)
def test_normalising_twice_is_normalising_once_and_leaves_a_word(word):
    (once,) = normal(word)
    assert once
    assert not set(once) & set("\t\n ")
    assert normal(once) == [once]


def test_no_character_normalises_further():
    codes = (*range(1, 0xD800), *range(0xE000, 0x20000))
    once = normalise(tf.constant([chr(code) for code in codes]))
    changed = tf.where(normalise(once) != once)[:, 0].numpy()
    assert [hex(codes[index]) for index in changed] == []
    assert normal("\u0149", "\u2033", "\ufe31", "\u207b") == ["'n", "''", "-", "-"]


@given(st.text("abcXYZéÜñçŻ", min_size=1))
@settings(deadline=None, max_examples=30)
def test_case_and_accents_do_not_matter(word):
    decomposed = unicodedata.normalize("NFD", word)
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    assert set(normal(word, word.upper(), word.lower(), decomposed)) == {bare.lower()}


def test_marker_index():
    ragged = tf.ragged.constant([["a", "</e1>"], [], ["<e1>"]])
    assert marker_index(ragged, MARKERS).to_list() == [[-1, 1], [], [0]]
    assert marker_index(tf.constant(["a"]), ()).numpy() == [-1]


def test_an_empty_batch():
    words = split_words([])
    assert words.words.shape[0] == 0
    assert words.words.flat_values.dtype == tf.string


def test_inside_a_pipeline():
    texts = ["São Tomé", "a b c"]
    dataset = tf.data.Dataset.from_tensor_slices(texts).batch(2)
    (words,) = dataset.map(split_words, num_parallel_calls=tf.data.AUTOTUNE)
    assert words.normalised.to_list() == split_words(texts).normalised.to_list()


@pytest.mark.parametrize("texts", ["one", np.array([1, 2]), [["a"], ["b"]]])
def test_refuses_what_is_not_a_batch_of_strings(texts):
    with pytest.raises(ValueError, match=r"`texts` must be a batch of strings, shape \(batch,\)"):
        split_words(texts)


@pytest.mark.parametrize(
    ("markers", "message"),
    [
        ("<e1>", "must be a sequence of strings"),
        (("",), "non-empty string"),
        ((1,), "non-empty string"),
        (("a b",), "without spaces"),
        (("<e1>", "<e1>"), "must differ"),
    ],
)
def test_refuses_markers(markers, message):
    with pytest.raises(ValueError, match=message):
        split_words(["a"], markers)
