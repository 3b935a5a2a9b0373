"""Vocabularies of word pieces learned from texts."""

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import text
from tests.processes import output

TEXTS = [
    "The lowest tower is lower than the newest tower.",
    "Newer towers are the widest; wider than São Tomé's.",
    "<e1> Lower <e1> and lowest, newer and newest, wider and widest: İstanbul, 北京 10€.",
]


def _pieces(tokenizer, texts, markers=()):
    pieces = tokenizer(text.split_words(texts, markers).words).merge_dims(1, 2)
    return tf.gather(tf.constant(tokenizer.vocabulary), pieces)


def test_learns_what_words_share():
    stems = ["walk", "talk", "jump", "paint", "climb", "crawl", "print", "bark", "kick", "film"]
    texts = [" ".join(stem + ending for ending in ("ing", "ed", "er")) for stem in stems]
    common = ["the " * 100]  # as in any language, a few words make most of the text
    room = 13 + 2 * len(set("".join([*texts, "the"])) - {" "})  # special tokens, characters
    tokenizer = text.train_word_pieces(texts * 2 + common, room + 16)
    assert tokenizer.vocabulary[:5] == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    assert len(set(tokenizer.vocabulary)) == tokenizer.vocabulary_size <= room + 16
    assert {"##ing", "##ed", "##er"} <= set(tokenizer.vocabulary)
    assert tokenizer.vocabulary[tokenizer.mask_id] == "[MASK]"
    special = [tokenizer.vocabulary[i] for i in tokenizer.special_ids]
    assert special == [*tokenizer.vocabulary[:5], *(f"[unused{i}]" for i in range(8))]
    lengths = [
        _pieces(text.train_word_pieces(texts + common, room + more), texts).flat_values.shape[0]
        for more in (0, 16, 60)
    ]
    assert sum(map(len, stems)) * 3 + 10 * 7 == lengths[0] > lengths[1] > lengths[2] == 30


@pytest.mark.parametrize("lowercase", [True, False])
def test_every_word_of_the_corpus_can_be_spelled(lowercase):
    tokenizer = text.train_word_pieces(TEXTS, 90, lowercase=lowercase)
    assert b"[UNK]" not in _pieces(tokenizer, TEXTS).flat_values.numpy().tolist()
    assert ("##T" in tokenizer.vocabulary) != lowercase


@settings(deadline=None, max_examples=8)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_any_text_can_be_spelled(texts):
    texts = ["a", *texts]
    tokenizer = text.train_word_pieces(texts, 3000, reserved=0)
    assert b"[UNK]" not in _pieces(tokenizer, texts).flat_values.numpy().tolist()


def test_markers_stay_whole_and_out_of_the_pieces():
    tokenizer = text.train_word_pieces(TEXTS, 80, markers=["<e1>"], reserved=2)
    assert tokenizer.vocabulary[5:8] == ("[unused0]", "[unused1]", "[unused2]")
    assert not {"<", ">", "e1"} & set(tokenizer.vocabulary)
    pieces = _pieces(tokenizer, TEXTS[2:], ("<e1>",)).flat_values.numpy().tolist()
    assert pieces.count(b"[unused0]") == 2


@pytest.mark.slow
def test_equal_corpora_give_equal_vocabularies():
    wanted = text.train_word_pieces(TEXTS, 80).vocabulary
    assert text.train_word_pieces(iter(TEXTS[::-1]), 80).vocabulary == wanted
    script = "import sys; from kgkeras import text; print(ascii(text.train_word_pieces("
    found = output(script + f"{TEXTS!r}, 80).vocabulary))", PYTHONHASHSEED="1")
    assert found == ascii(wanted)


def test_a_tokenizer_that_can_be_saved(tmp_path):
    preprocessor = text.Preprocessor(text.train_word_pieces(TEXTS, 80), sequence_length=30)
    text.save_preprocessor(preprocessor, tmp_path / "preprocessor")
    again = text.load_preprocessor(tmp_path / "preprocessor")
    for name, wanted in preprocessor(TEXTS).items():
        tf.debugging.assert_equal(again(TEXTS)[name], wanted)
    assert again.tokenizer.mask_id == preprocessor.tokenizer.mask_id == 4


def test_mask_of_words():
    plain = text.WordTokenizer(["a", "b"])
    assert (plain.mask_id, plain.special_ids) == (None, (0, 1, 2, 3))
    masked = text.WordTokenizer(["a", "b"], markers=("<e>", "[MASK]"))
    assert (masked.mask_id, masked.special_ids) == (5, (0, 1, 2, 3, 4, 5))
    assert masked(text.split_words(["a [MASK] b"], masked.markers).words).to_list() == [
        [[6], [5], [7]]
    ]


@pytest.mark.parametrize(
    ("texts", "arguments", "message"),
    [
        (["", " "], {}, "`texts` must hold at least one word"),
        (TEXTS, {"vocabulary_size": 0}, "`vocabulary_size` must be a positive integer"),
        (TEXTS, {"vocabulary_size": 40}, "at least .*, for 13 special tokens and .* characters"),
        (TEXTS, {"reserved": -1}, "`reserved` must be a positive integer"),
        (TEXTS, {"markers": "<e>"}, "`markers` must be a sequence of strings"),
    ],
)
def test_bad_arguments(texts, arguments, message):
    with pytest.raises(ValueError, match=message):
        text.train_word_pieces(texts, **{"vocabulary_size": 80, **arguments})
