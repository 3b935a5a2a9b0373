"""Texts and triples side by side, in batches that every replica can split."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import non_negative, positive_int
from kgkeras.pipelines.known_triples import KnownTriples
from kgkeras.pipelines.mapping import parallel_map
from kgkeras.pipelines.passes import checked_batch_size, shuffled_rows
from kgkeras.pipelines.texts import trim


def steps_per_epoch(num_texts, batch_size):
    """Batches in one epoch: what is left over waits for another epoch's order.

    Raises:
        ValueError: If the texts do not fill one batch.
    """
    steps = num_texts // positive_int("batch_size", batch_size)
    if steps < 1:
        raise ValueError(
            f"`batch_size` must be at most the number of texts, {num_texts}. "
            f"Received: {batch_size}."
        )
    return steps


def joint_batches(
    encoded,
    labels,
    graph=None,
    *,
    batch_size,
    first_epoch=0,
    triples_per_text=8,
    num_negatives=32,
    seed=0,
):
    """Endless training batches of a text task and, with a graph, of its triples.

    Everything follows from `seed` and the number of the epoch, so training that resumes at epoch
    `e` with `first_epoch=e` sees what it would have seen. Texts of like length share a batch.

    Args:
        encoded: What `encode_texts` or `encode_pairs` returned for `n` texts.
        labels: Array whose first axis counts the texts.
        graph: `kgkeras.kg.KnowledgeGraph` to learn beside the task.
        batch_size: Texts a batch, a multiple of the number of replicas.
        first_epoch: Epoch to begin with.
        triples_per_text: Triples that come with each text.
        num_negatives: Random entities that come with each text, put into the places of its
            triples' tails and heads.
        seed: Seed of every random choice.

    Returns:
        `tf.data.Dataset` of `(inputs, labels)`; with a graph the inputs also hold `triples`
        `(batch, triples_per_text, 3)`, `negatives` `(batch, num_negatives)` and `known`
        `(batch, triples_per_text, 2, num_negatives)`: see `kgkeras.models.JointModel`.
    """
    batch_size = checked_batch_size(batch_size)
    steps = steps_per_epoch(len(labels), batch_size)
    first_epoch = int(non_negative("first_epoch", first_epoch))
    # By name and one by one, so that neither array becomes a constant in the graph.
    inputs = {name: tf.convert_to_tensor(column) for name, column in encoded.items()}
    targets = tf.convert_to_tensor(labels)

    def text_batch(rows):
        columns = {name: tf.gather(column, rows) for name, column in inputs.items()}
        return trim(columns, tf.gather(targets, rows))

    # The longest of an example's choices, where it has choices.
    lengths = encoded["padding_mask"].sum(axis=-1).reshape(len(labels), -1).max(axis=1)
    texts = _orders(lengths, batch_size, first_epoch, seed)
    texts = parallel_map(texts, text_batch)
    if graph is None:
        return texts.prefetch(tf.data.AUTOTUNE)
    batches = triple_batches(
        graph, batch_size, triples_per_text, num_negatives, seed, first_epoch * steps
    )
    joint = tf.data.Dataset.zip(texts, batches)
    joint = parallel_map(joint, lambda text, kg: ({**text[0], **kg}, text[1]))
    return joint.prefetch(tf.data.AUTOTUNE)


def _orders(lengths, batch_size, first_epoch, seed):
    """Endless batches of row numbers `(batch_size,)`; texts of like length share a batch."""
    lengths = tf.constant(lengths // 8, tf.int32)
    num_texts = len(lengths)
    steps = num_texts // batch_size

    def epoch_order(epoch):
        rows = tf.random.experimental.stateless_shuffle(
            tf.range(num_texts), seed=[seed, tf.cast(epoch, tf.int32)]
        )[: steps * batch_size]
        # A stable sort keeps the random order among texts of one length.
        rows = tf.gather(rows, tf.argsort(tf.gather(lengths, rows), stable=True))
        order = tf.random.experimental.stateless_shuffle(
            tf.range(steps), seed=[seed + 1, tf.cast(epoch, tf.int32)]
        )
        batches = tf.gather(tf.reshape(rows, [steps, batch_size]), order)
        return tf.data.Dataset.from_tensor_slices(batches)

    return tf.data.Dataset.counter(first_epoch).flat_map(
        tf.autograph.experimental.do_not_convert(epoch_order)
    )


def triple_batches(graph, batch_size, per_text, num_negatives, seed, first_step):
    """Endless batches of triples and negatives, from step `first_step` on."""
    per_text = positive_int("triples_per_text", per_text)
    num_negatives = positive_int("num_negatives", num_negatives)
    if not len(graph.triples):
        raise ValueError("`graph` must hold at least one triple. Received: an empty graph.")
    triples = tf.constant(graph.triples)
    known = KnownTriples(graph.triples, graph.num_entities, graph.num_relations)
    rows_a_step = batch_size * per_text

    def batch(step):
        rows = shuffled_rows(step, rows_a_step, len(triples), seed)
        positives = tf.reshape(tf.gather(triples, rows), [batch_size, per_text, 3])
        negatives = tf.random.stateless_uniform(
            [batch_size, num_negatives],
            seed=[seed + 2, tf.cast(step, tf.int32)],
            maxval=graph.num_entities,
            dtype=tf.int32,
        )
        # (batch, per_text, 1) against (batch, 1, negatives)
        head, relation, tail = (positives[..., i, None] for i in range(3))
        other = negatives[:, None, :]
        makes_true = [known.contains(head, relation, other), known.contains(other, relation, tail)]
        return {
            "triples": positives,
            "negatives": negatives,
            "known": tf.stack(makes_true, axis=2),
        }

    steps = tf.data.Dataset.counter(np.int64(first_step))
    return parallel_map(steps, batch)
