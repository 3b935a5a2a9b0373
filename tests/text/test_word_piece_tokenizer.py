import unicodedata

import keras_hub
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras.text import WordPieceTokenizer, split_words

MARKERS = ("<e1>", "</e1>")
ODD = [
    "",
    "The São Tomé–Príncipe’s 10€ Coca-Cola™ U.S.",
    "a\u0301\u0316 !\u0338 ≠a≮b \u1fefx \u037e",
    "北京\u0301大学abc 東 \U00020000",
    "x\u00ady\u200bz\u200d \ufeffq \x07\x85w",
    "İstanbul ǅ ﬁ ẞ ŉ Ⅳ ℀ ⑴ ﷺ 한국어 が हिन्दी",
    "👨‍👩‍👧 ❤️ 1️⃣ \ufffd \U0010ffff \ue000",
    "z" * 300,
    "[CLS] [unused1] ##s [SEP]",
]


@pytest.fixture(scope="module")
def pairs(bert_vocabulary):
    """Our tokenizers, each with the KerasHub one that reads whole texts."""
    made = []
    for uncased in (True, False):
        ours = WordPieceTokenizer.from_vocabulary(bert_vocabulary, lowercase=uncased)
        whole = keras_hub.models.BertTokenizer(
            bert_vocabulary, lowercase=uncased, strip_accents=uncased
        )
        signature = [tf.TensorSpec((None,), tf.string)]
        made.append((ours, tf.function(whole.tokenize, input_signature=signature)))
    return made


def check_same(pairs, texts):
    # KerasHub takes Unicode's other spaces for letters, which BERT does not.
    spaced = ["".join(" " if unicodedata.category(c) == "Zs" else c for c in t) for t in texts]
    for ours, whole in pairs:
        pieces = ours(split_words(texts).words)
        assert pieces.dtype == tf.int32
        assert pieces.merge_dims(1, 2).to_list() == whole(tf.constant(spaced)).to_list()


def test_pieces_of_words_are_the_pieces_of_the_text(pairs):
    check_same(pairs, ODD)


@given(
    st.lists(
        st.text(
            st.characters(exclude_categories=["Cs"], exclude_characters="\x00\u2028\u2029")
            | st.sampled_from("aé'’- \u0301\u0338北≠€\u00a0\u200b\u00ad\u0345")
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(deadline=None, max_examples=60)
def test_pieces_of_words_are_the_pieces_of_the_text_for_any_text(pairs, texts):
    check_same(pairs, texts)


def test_pieces_lie_under_their_words(bert_vocabulary):
    tokenizer = WordPieceTokenizer.from_vocabulary(bert_vocabulary)
    pieces = tokenizer(split_words(["the Páris no", "", "!"]).words).to_list()
    index = bert_vocabulary.index
    assert pieces == [
        [[index("the")], [index("paris")], [index("n"), index("##o")]],
        [],
        [[index("!")]],
    ]


def test_special_ids(bert_vocabulary):
    tokenizer = WordPieceTokenizer.from_vocabulary(bert_vocabulary)
    ids = (tokenizer.pad_id, tokenizer.unknown_id, tokenizer.start_id, tokenizer.end_id)
    assert [bert_vocabulary[i] for i in ids] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    assert tokenizer.vocabulary_size == len(bert_vocabulary)


def test_markers_take_reserved_entries(bert_vocabulary):
    tokenizer = WordPieceTokenizer.from_vocabulary(bert_vocabulary, markers=MARKERS)
    plain = WordPieceTokenizer.from_vocabulary(bert_vocabulary)
    pieces = tokenizer(split_words(["a <e1>the</e1>", "no"], MARKERS).words).to_list()
    (a, the), (no,) = plain(split_words(["a the", "no"]).words).to_list()
    assert pieces == [[a, [1], the, [2]], [no]]
    assert [bert_vocabulary[i] for i in (1, 2)] == ["[unused0]", "[unused1]"]


def test_accents_go_as_told(bert_vocabulary):
    kept = WordPieceTokenizer.from_vocabulary(bert_vocabulary, strip_accents=False)
    stripped = WordPieceTokenizer.from_vocabulary(bert_vocabulary)
    words = split_words(["É"]).words
    assert kept(words).to_list() == [[[bert_vocabulary.index("é")]]]
    assert stripped(words).to_list() == [[[bert_vocabulary.index("e")]]]


@pytest.mark.parametrize("name", ["vocab.txt", "assets/tokenizer/vocabulary.txt"])
def test_from_a_file_or_a_folder(name, bert_vocabulary, tmp_path):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(bert_vocabulary) + "\n", encoding="utf-8")
    words = split_words(["the paris of 京"]).words
    expected = WordPieceTokenizer.from_vocabulary(bert_vocabulary)(words).to_list()
    assert WordPieceTokenizer.from_vocabulary(file)(words).to_list() == expected
    assert WordPieceTokenizer.from_vocabulary(str(tmp_path))(words).to_list() == expected


def test_refuses_a_folder_without_vocabulary(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"No vocabulary at {tmp_path}: .*vocab.txt"):
        WordPieceTokenizer.from_vocabulary(tmp_path)


def test_refuses_a_tokenizer_of_another_kind():
    with pytest.raises(ValueError, match=r"must be a keras_hub.*Received: 'bert' \(type str\)"):
        WordPieceTokenizer("bert")


def test_refuses_more_markers_than_reserved_entries(bert_vocabulary):
    markers = [f"<{i}>" for i in range(7)]
    with pytest.raises(ValueError, match="Received: 7 markers, 6 entries"):
        WordPieceTokenizer.from_vocabulary(bert_vocabulary, markers=markers)


def test_refuses_a_vocabulary_without_special_tokens():
    tokenizer = keras_hub.tokenizers.WordPieceTokenizer(["[UNK]", "[PAD]", "[SEP]"])
    with pytest.raises(ValueError, match=r"must hold '\[CLS\]'. Received: 3 pieces"):
        WordPieceTokenizer(tokenizer)
