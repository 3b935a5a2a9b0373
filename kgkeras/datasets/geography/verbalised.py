"""True facts of geography in words, one or two at a time."""

import numpy as np

from kgkeras.checks import one_of
from kgkeras.datasets.geography import facts, statements
from kgkeras.datasets.verbalised import VerbalisedFacts


def load_verbalised(split, *, seed=0, texts=3):
    """Facts of the places of a split, alone and with another fact of the same state.

    Args:
        split: `"train"`, `"valid"` or `"test"`: all that is told of one place is in one split.
        seed: Decides the split and the phrasings.
        texts: Texts of each, drawn of the templates.

    Returns:
        Tuple of `VerbalisedFacts`.
    """
    one_of("split", split, ("train", "valid", "test"))
    rng = np.random.default_rng(seed)
    told = statements.split_facts(rng)[split]
    by_state, examples = {}, []
    for relation, place, state, _ in told:
        by_state.setdefault(state, []).append((relation, place))
    for state, pairs in by_state.items():
        for number, pair in enumerate(pairs):
            examples.append(_tell(state, [pair], texts, rng))
            if number:
                examples.append(_tell(state, [pairs[number - 1], pair], texts, rng))
    return tuple(examples)


def _tell(state, pairs, texts, rng):
    spoken, templates = facts.spoken_names(), statements.told_templates()
    triples, sentences = [], []
    for relation, place in pairs:
        head, tail = (spoken[end] for end in statements.ends(relation, place, state))
        triples.append((head, relation, tail))
        rows = rng.permutation(len(templates[relation]))[:texts]
        sentences.append([statements.sentence(templates[relation][r], head, tail) for r in rows])
    whole = dict.fromkeys(" ".join(parts) for parts in zip(*sentences, strict=False))
    return VerbalisedFacts(tuple(triples), tuple(whole))
