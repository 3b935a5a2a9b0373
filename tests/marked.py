"""Sentences with two marked mentions, of the toy world's facts."""

import keras
import numpy as np

from kgkeras import layers, models
from tests import toy

MARKS = (46, 47, 48, 49)  # within the toy world's vocabulary, used for nothing else


def sentences(facts, count=256, seed=1):
    """Encoded "w <e1> head </e1> w <e2> tail </e2>" and the relation between the two.

    The words tell nothing: only the graph knows the relation.
    """
    rng = np.random.default_rng(seed)
    pairs = facts.triples[:, [0, 2]]
    _, pair, times = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    clear = facts.triples[times[pair.ravel()] == 1]  # pairs with one relation
    rows = clear[rng.integers(0, len(clear), count)]
    tokens = rng.integers(1, MARKS[0], (count, 10))
    tokens[:, [1, 3, 5, 7]] = MARKS
    padding_mask = np.arange(10) < rng.integers(8, 11, (count, 1))
    entities = np.full((count, 10), -1)
    entities[:, 2], entities[:, 6] = rows[:, 0], rows[:, 2]
    inputs = {
        "token_ids": np.where(padding_mask, tokens, 0).astype("int32"),
        "padding_mask": padding_mask,
        "entity_ids": entities.astype("int32"),
    }
    return inputs, rows[:, 1].astype("int32")


def classifier(fusion=None, knows=True, head=None, **arguments):
    """A compiled classifier of the toy world's relations."""
    if knows:
        sizes = toy.NUM_ENTITIES, toy.NUM_RELATIONS, 16
        arguments.setdefault("triples", layers.TripleEmbedding.from_sizes(*sizes))
    head = head or layers.ClassificationHead(toy.NUM_RELATIONS)
    encoder = arguments.pop("encoder", None) or toy.encoder()
    model = models.RelationClassifier(encoder, head, MARKS, fusion=fusion, **arguments)
    model.compile(
        keras.optimizers.Adam(1e-2), head.loss(), metrics=[head.accuracy()], jit_compile=False
    )
    return model
