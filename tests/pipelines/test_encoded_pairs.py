"""Pairs of texts, and choices beside a question, as batches."""

import numpy as np
import pytest

from kgkeras import pipelines, text

QUESTIONS = ["where is the cat", "why"]
CHOICES = [["on the mat", "in a box"], ["because", "no"]]


@pytest.fixture(scope="module")
def preprocess():
    tokenizer = text.WordTokenizer.from_texts(QUESTIONS + CHOICES[0] + CHOICES[1])
    return text.Preprocessor(tokenizer, text.DictionaryLinker(["cat", "box"], [0, 1]), 16)


def test_each_choice_stands_beside_its_question(preprocess):
    encoded = pipelines.encode_pairs(preprocess, QUESTIONS, CHOICES, batch_size=3)
    assert {name: column.shape for name, column in encoded.items()} == dict.fromkeys(
        ("token_ids", "padding_mask", "entity_ids", "segment_ids"), (2, 2, 16)
    )
    for row, question in enumerate(QUESTIONS):
        for place, choice in enumerate(CHOICES[row]):
            alone = preprocess.pairs([question], [choice])
            for name, column in encoded.items():
                np.testing.assert_array_equal(column[row, place], alone[name][0])


def test_pairs_have_no_axis_of_choices(preprocess):
    encoded = pipelines.encode_pairs(preprocess, QUESTIONS, [c[0] for c in CHOICES])
    choices = pipelines.encode_pairs(preprocess, QUESTIONS, CHOICES)
    for name, column in encoded.items():
        np.testing.assert_array_equal(column, choices[name][:, 0])


def test_batches_are_as_long_as_their_longest_choice(preprocess):
    encoded = pipelines.encode_pairs(preprocess, QUESTIONS, CHOICES)
    for batches in (
        pipelines.text_batches(encoded, np.array([0, 1]), 2),
        pipelines.joint_batches(encoded, np.array([0, 1]), batch_size=2).take(1),
    ):
        inputs, labels = next(iter(batches))
        assert inputs["token_ids"].shape == (2, 2, 16)  # 4 + 3 words and three frames, rounded up
        assert labels.shape == (2,)
    short = {name: column[1:] for name, column in encoded.items()}
    inputs, _ = next(iter(pipelines.text_batches(short, np.array([1]), 1)))
    assert inputs["segment_ids"].shape == (1, 2, 8)


@pytest.mark.parametrize(
    ("first", "second"), [([], []), (["a"], []), (["a", "b"], [["c"], ["d", "e"]]), (["a"], [[]])]
)
def test_bad_pairs(preprocess, first, second):
    with pytest.raises(ValueError, match=r"`second` must hold a string, or equally many choices"):
        pipelines.encode_pairs(preprocess, first, second)


def test_choices_are_read_apart(preprocess):
    encoded = pipelines.encode_choices(preprocess, QUESTIONS, CHOICES, batch_size=3)
    assert set(encoded) == {
        *("token_ids", "padding_mask", "choice_token_ids", "choice_padding_mask")
    }
    asked = preprocess(QUESTIONS)
    offered = preprocess([choice for row in CHOICES for choice in row])
    for name in ("token_ids", "padding_mask"):
        np.testing.assert_array_equal(encoded[name], asked[name])
        np.testing.assert_array_equal(encoded[f"choice_{name}"].reshape(4, 16), offered[name])


def test_questions_are_cut_by_their_own_lengths_and_choices_by_theirs():
    questions, choices = ["a " * 12, "a b"], [["b", "a"], ["a b a", "b"]]
    preprocess = text.Preprocessor(text.WordTokenizer(["a", "b"]), sequence_length=24)
    encoded = pipelines.encode_choices(preprocess, questions, choices)
    for batches in (
        pipelines.text_batches(encoded, np.array([0, 1]), 2),
        pipelines.joint_batches(encoded, np.array([0, 1]), batch_size=2).take(1),
    ):
        inputs, _ = next(iter(batches))
        shapes = {name: tuple(column.shape) for name, column in inputs.items()}
        assert shapes["token_ids"] == shapes["padding_mask"] == (2, 16)  # 12 words and two frames
        assert shapes["choice_token_ids"] == shapes["choice_padding_mask"] == (2, 2, 8)
        assert inputs["padding_mask"].numpy().sum() == 14 + 4
        assert inputs["choice_padding_mask"].numpy().sum() == 3 + 3 + 5 + 3


@pytest.mark.parametrize(("questions", "choices"), [([], []), (["a", "b"], [["c"], ["d", "e"]])])
def test_bad_choices(preprocess, questions, choices):
    with pytest.raises(ValueError, match=r"equally many choices, for each string of `questions`"):
        pipelines.encode_choices(preprocess, questions, choices)
