"""Facts and texts about them as arrays and batches, for `grounded_generation.py`."""

import dataclasses
import random

import numpy as np
import tensorflow as tf

from kgkeras import datasets


def load(config, split):
    """The sets of facts of a split, shuffled."""
    examples = datasets.load_verbalised(config.data, split)
    order = np.random.default_rng(config.seed).permutation(len(examples))
    return [examples[row] for row in order[: config.limit]]


def reordered(config, examples):
    """Examples in `config.orders` orders of their facts each, by chance."""
    rng = random.Random(config.seed)
    return [
        dataclasses.replace(
            example, triples=tuple(rng.sample(example.triples, len(example.triples)))
        )
        for _ in range(config.orders)
        for example in examples
    ]


def encode(tokens, examples, texts=None):
    """Arrays of examples with each of their texts, or with so many."""
    rows = {"facts": [], "triples": [], "text": []}
    for example in examples:
        facts, triples = tokens.encode_facts(example.triples)
        entities = tokens.entities(example.triples)
        for text in example.texts[:texts]:
            rows["facts"].append(facts)
            rows["triples"].append(triples)
            rows["text"].append(tokens.encode_text(text, entities))
    return {name: np.array(column) for name, column in rows.items()}


def batches(config, arrays, first_epoch=None):
    """A `tf.data.Dataset`: in order, or shuffled without end from an epoch on."""
    dataset, endless = tf.data.Dataset.from_tensor_slices(arrays), first_epoch is not None
    if endless:
        size = len(arrays["text"])
        dataset = dataset.shuffle(size, seed=config.seed + first_epoch).repeat()
    return dataset.batch(config.batch_size, drop_remainder=endless).prefetch(tf.data.AUTOTUNE)
