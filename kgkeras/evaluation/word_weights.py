"""How much knowledge enters each word of some texts."""

from kgkeras.text import split_words


def word_weights(model, preprocessor, texts):
    """Words, and the weight that a joint model's fusion gives to knowledge at each.

    Args:
        model: A `kgkeras.models.JointModel` whose fusion layer weighs knowledge.
        preprocessor: Its `kgkeras.text.Preprocessor`.
        texts: Sequence of strings.

    Returns:
        Two lists with one list a text: words (strings), and weights in [0, 1], the mean over a
        word's pieces. Words that were cut off are left out.

    Raises:
        ValueError: If the fusion layer has no weights.
    """
    encoded = preprocessor(list(texts))
    weights = model.fusion_weights()
    weights = weights({name: encoded[name] for name in weights.input}).numpy()
    words = split_words(list(texts), preprocessor.tokenizer.markers).words
    pieces = preprocessor.tokenizer(words).row_lengths(axis=2)
    rows = zip(words.to_list(), pieces.to_list(), weights, strict=True)
    return tuple(map(list, zip(*(_by_word(*row) for row in rows), strict=True)))


def _by_word(words, pieces, weights):
    named, means, place = [], [], 1  # place 0 is the start token
    for word, count in zip(words, pieces, strict=True):
        if count and place + count < len(weights):
            named.append(word.decode(errors="replace"))
            means.append(float(weights[place : place + count].mean()))
        place += count
    return named, means
