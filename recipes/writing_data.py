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
    """A `tf.data.Dataset`: in order, or without end, each epoch in an order of its own."""
    if first_epoch is None:
        dataset = tf.data.Dataset.from_tensor_slices(arrays).batch(config.batch_size)
        return dataset.prefetch(tf.data.AUTOTUNE)
    columns = {name: tf.convert_to_tensor(column) for name, column in arrays.items()}
    size = len(arrays["text"])

    def epoch_batches(epoch):
        seed = [config.seed, tf.cast(epoch, tf.int32)]
        rows = tf.random.experimental.stateless_shuffle(tf.range(size), seed=seed)
        rows = tf.data.Dataset.from_tensor_slices(rows)
        return rows.batch(config.batch_size, drop_remainder=True)

    rows = tf.data.Dataset.counter(first_epoch).flat_map(epoch_batches)
    dataset = rows.map(lambda rows: {key: tf.gather(c, rows) for key, c in columns.items()})
    return dataset.prefetch(tf.data.AUTOTUNE)
