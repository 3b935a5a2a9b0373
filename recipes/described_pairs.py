"""Pairs of entities that are known by what is written of them: the data of `distillation.py`."""

import dataclasses

import link_prediction
import numpy as np
import tensorflow as tf
from keras import ops

from kgkeras import kg

SIDES = ("head", "tail")


@dataclasses.dataclass(frozen=True)
class Task:
    """Facts to learn, of which some are labelled, and to validate and test on."""

    graph: kg.KnowledgeGraph  # what the teacher knows
    labelled: np.ndarray  # places of labelled facts in it
    valid: np.ndarray  # facts of entities held out: (n, 3)
    test: np.ndarray


def load_task(config):
    """Reads the graph, and draws what is held out and what is labelled."""
    splits = link_prediction.load_splits(config)
    rng = np.random.default_rng(config.seed)
    facts = np.concatenate([part.triples for part in (splits.train, splits.valid, splits.test)])
    hidden = np.zeros(splits.num_entities, "bool")
    hidden[rng.permutation(len(hidden))[: int(config.held_out * len(hidden))]] = True
    new = hidden[facts[:, 0]] | hidden[facts[:, 2]]
    graph = splits.train.with_triples(facts[~new])
    labelled = rng.permutation(graph.num_triples)[: int(config.labelled * graph.num_triples)]
    asked = rng.permutation(facts[new])
    return Task(graph, labelled, *np.split(asked, [len(asked) // 5]))


def batches(texts, triples, labels, logits, config, first_step=0):
    """Endless batches, pass after pass over all facts, each pass in an order of its own."""
    tokens, lengths = tf.constant(texts.entity_tokens), tf.constant(texts.entity_lengths)
    columns = [tf.constant(column) for column in (triples, labels, logits)]
    count, size = len(triples), config.batch_size

    def gather(step):
        number = step * size + tf.range(size, dtype=tf.int64)
        passes, place = number // count, number % count
        seeds = tf.stack([tf.fill([size], tf.cast(config.seed, tf.int64)), passes, passes], axis=1)
        rows = tf.raw_ops.RandomIndexShuffle(
            index=place, seed=seeds, max_index=tf.cast(count - 1, tf.int64), rounds=8
        )
        facts, label, teacher = (tf.gather(column, rows) for column in columns)
        inputs = {"teacher_logits": tf.cast(teacher, tf.float32)}
        for side, end in zip(SIDES, (0, 2), strict=True):
            ids = facts[:, end]
            inputs |= _read(side, tf.gather(tokens, ids), tf.gather(lengths, ids))
        return inputs, label

    steps = tf.data.Dataset.range(first_step, 10**9)
    return steps.map(gather, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _read(side, tokens, lengths):
    mask = tf.sequence_mask(lengths, tf.reduce_max(lengths))
    tokens = tf.convert_to_tensor(tokens)[:, : tf.shape(mask)[1]]
    return {f"{side}_token_ids": tokens, f"{side}_padding_mask": mask}


def predict(student, texts, triples, batch_size=512):
    """The likeliest relation of each pair: `(n,)`."""
    found = []
    for i in range(0, len(triples), batch_size):
        part, inputs = triples[i : i + batch_size], {}
        for side, place in zip(SIDES, (0, 2), strict=True):
            ids = part[:, place]
            inputs |= _read(side, texts.entity_tokens[ids], texts.entity_lengths[ids])
        found.append(ops.convert_to_numpy(student(inputs, training=False)).argmax(axis=-1))
    return np.concatenate(found)
