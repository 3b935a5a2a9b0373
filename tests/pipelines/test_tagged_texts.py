"""Tags of words as tags of tokens, and back."""

import pytest

from kgkeras import datasets, pipelines, text

WORDS = (("Sen.", "Anna", "D-Ariz.", "of", "São", "Paulo"), ("\u200b", "Rome", "Rome"), ("a",) * 30)
TAGS = ((0, 1, 2, 0, 3, 4), (1, 3, 3), (1,) * 30)


@pytest.fixture(scope="module")
def preprocessor():
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "sen", ".", "an", "##na", "d", "-"]
    pieces += ["ari", "##z", "of", "sao", "pau", "##lo", "rome", "a"]
    return text.Preprocessor(text.WordPieceTokenizer.from_vocabulary(pieces), None, 20)


def test_tags_go_to_the_first_tokens_and_back(preprocessor):
    tagged = datasets.TaggedTexts(WORDS, TAGS)
    inputs, tags = pipelines.encode_tagged(preprocessor, tagged)
    pieces = [preprocessor.tokenizer.tokens[i] for i in inputs["token_ids"][0]]
    told = [(p, t, w) for p, t, w in zip(pieces, tags[0], inputs["places"][0], strict=True)]
    assert told[:15] == [
        ("[CLS]", -1, -1),
        ("sen", 0, 0),
        (".", 0, -1),
        ("an", 1, 1),
        ("##na", -1, -1),
        ("d", 2, 2),
        ("-", 2, -1),
        ("ari", 2, -1),
        ("##z", -1, -1),
        (".", 2, -1),
        ("of", 0, 3),
        ("sao", 3, 4),
        ("pau", 4, 5),
        ("##lo", -1, -1),
        ("[SEP]", -1, -1),
    ]
    # A name that is split: its first part begins the span, the others go on with it.
    single = datasets.TaggedTexts((("D-Ariz.", "D-Ariz."),), ((1, 1),))
    _, split = pipelines.encode_tagged(preprocessor, single)
    assert split[split >= 0].tolist() == [1, 2, 2, 2] * 2
    back = pipelines.tags_of_words(tagged, inputs["places"], tags)
    assert back[0].tolist() == list(TAGS[0])
    # What has no token, or none that fits, has no tag.
    assert back[1].tolist() == [0, 3, 3]
    assert back[2].tolist() == [1] * 18 + [0] * 12
    trimmed = pipelines.tags_of_words(tagged, inputs["places"], tags[:, :12])
    assert trimmed[0].tolist() == [0, 1, 2, 0, 3, 0]


def test_wrong_texts(preprocessor):
    with pytest.raises(ValueError, match="`texts` must hold at least one"):
        pipelines.encode_tagged(preprocessor, datasets.TaggedTexts((), ()))
    with pytest.raises(ValueError, match="Received: text 1 of 2 words with tags of shape"):
        datasets.TaggedTexts((("a",), ("a", "b")), ((0,), (0,)))
    with pytest.raises(ValueError, match="must be of equally many texts"):
        datasets.TaggedTexts((("a",),), ())
    some = datasets.TaggedTexts((("a",),), ((3,),))
    with pytest.raises(ValueError, match=r"`train` must lie in \[0, 3\).*Received: 3"):
        datasets.TaggingTask(some, some, some, ("person",))
