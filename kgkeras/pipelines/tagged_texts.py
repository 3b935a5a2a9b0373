"""Texts with tags as batches of token ids, and tags as tags of tokens."""

import numpy as np

from kgkeras.pipelines.texts import encode_texts


def encode_tagged(preprocessor, tagged):
    """Tokenizes and links tagged texts once, and gives tokens the tags of their words.

    The preprocessor may split a word that has a tag, such as `D-Ariz.`, into several. Its first
    part keeps the tag, and where this begins a span, the others go on with it, so that a model
    learns to tag any text as the preprocessor splits it.

    Args:
        preprocessor: A `kgkeras.text.Preprocessor`.
        tagged: `datasets.TaggedTexts`; tags as `ops.tag_spans` has them.

    Returns:
        `(inputs, tags)`: what `encode_texts` returns, and `places`, int32 `(texts, tokens)`, at the
        first token of each tagged word the place of the word in its text, -1 elsewhere; and int32
        `(texts, tokens)`, the tag at the first token of each of the preprocessor's words, -1
        elsewhere.

    Raises:
        ValueError: If there is no text.
    """

    def encode(texts):
        words = preprocessor.words(texts)
        return {**preprocessor(texts), "words": words["places"], "starts": words["starts"]}

    inputs = encode_texts(encode, tagged.texts)
    words, starts = inputs.pop("words"), inputs.pop("starts")  # (texts, tokens - 2)
    tags = np.full(inputs["token_ids"].shape, -1, "int32")
    places = tags.copy()
    for row, (text, given) in enumerate(zip(tagged.words, tagged.tags, strict=True)):
        ends = np.cumsum([len(word.encode()) + 1 for word in text])
        # The first token of each of the preprocessor's words, and the given word that holds it.
        first = np.flatnonzero(np.diff(words[row], prepend=-1) > 0)
        first = first[words[row][first] < starts.shape[1]]
        holds = np.searchsorted(ends, starts[row][words[row][first]], side="right")
        new = np.diff(holds, prepend=-1) > 0
        tag = given[holds]
        tags[row, first + 1] = np.where(new | (tag % 2 == 0), tag, tag + 1)
        places[row, first + 1] = np.where(new, holds, -1)
    return {**inputs, "places": places}, tags


def tags_of_words(tagged, places, tags):
    """Tags of tokens as tags of the words that were given: a way back from `encode_tagged`.

    Args:
        tagged: The `datasets.TaggedTexts`.
        places: What `encode_tagged` tells of them.
        tags: Integer array `(texts, tokens)`, perhaps trimmed on the right.

    Returns:
        Tuple of integer arrays, one a text; 0 where a word has no token.
    """
    found = []
    for words, place, row in zip(tagged.words, places, tags, strict=True):
        tag, place = np.zeros(len(words), "int32"), place[: len(row)]
        tag[place[place >= 0]] = row[place >= 0]
        found.append(tag)
    return tuple(found)
