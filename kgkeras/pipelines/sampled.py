"""Triples with random entities in the place of their tails or heads."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import non_negative, one_of, positive_int
from kgkeras.ops.replicas import num_replicas
from kgkeras.pipelines.alias_table import AliasTable
from kgkeras.pipelines.known_entities import KnownEntities
from kgkeras.pipelines.pair_keys import tail_queries
from kgkeras.pipelines.passes import (
    checked_batch_size,
    endless_batches,
    shuffled_rows,
    step_seed,
    triple_steps,
)
from kgkeras.pipelines.triple_statistics import (
    degrees,
    head_corruption_rates,
    subsampling_weights,
)


def sampled_batches(
    graph,
    *,
    batch_size,
    num_negatives,
    chunk_size=None,
    corruption="uniform",
    degree_exponent=0.75,
    both_sides=False,
    self_negatives=False,
    filtered=False,
    subsampling=False,
    first_epoch=0,
    steps_per_epoch=None,
    seed=0,
):
    """Endless training batches of triples and of random entities to compare them with.

    Triples come in the order of `one_vs_all_batches`, `triple_steps` batches an epoch, and training
    resumes as it does there. `chunk_size` triples next to each other share their negatives: triple
    `i` those of chunk `i // chunk_size`.

    Args:
        graph: `kgkeras.kg.KnowledgeGraph`; reciprocal models want `graph.with_inverses()`.
        batch_size: Triples a batch, a multiple of the number of replicas.
        num_negatives: Random entities a chunk; one may come twice.
        chunk_size: Triples that share their negatives, a divisor of each replica's share of the
            batch, which it is by default. 1 draws for each triple.
        corruption: `"uniform"`: each entity is as likely, in the place of the tail. `"degree"`: in
            proportion to the number of its facts to the power of `degree_exponent`, so one without
            facts is not drawn. `"bernoulli"`: uniform, but each triple loses its head or its tail,
            the head with probability tph / (tph + hpt): the tails a head has on average in its
            relation, against the heads a tail has (Wang et al., 2014).
        degree_exponent: At least 0: 0 is uniform, 1 in proportion.
        both_sides: Whether to draw for the place of the head, too.
        self_negatives: Whether the entity that a query gives is a negative, too. A model finds
            entities like the one it is given, and is told by few random ones that it itself is no
            answer. The heads of a chunk, `chunk_size` of them, stand behind its random tails, and
            its tails behind its random heads; those of the chunk's other queries may be answers,
            which `filtered` marks.
        filtered: Whether to tell which negatives make a fact of the graph.
        subsampling: Whether to weight triples by how rarely their queries are asked: see
            `triple_statistics.subsampling_weights`.
        first_epoch: Epoch to begin with.
        steps_per_epoch: Batches an epoch, as `fit` is told; `triple_steps` where None.
        seed: Seed of every random choice.

    Returns:
        `tf.data.Dataset` of dicts: int32 `head`, `relation`, `tail` `(batch_size,)` and `negatives`
        `(batch_size // chunk_size, n)`, `n` being `num_negatives` and with `self_negatives`
        `chunk_size` more. With `"bernoulli"`, bool `corrupt_head` `(batch_size,)`:
        True where the negatives stand for the head. With `filtered`, bool `known` `(batch_size,
        n)`: True where a negative, in the place it stands for, makes a fact. With `both_sides`,
        `head_negatives` and `known_heads` like the two. With `subsampling`, float32 `weight`
        `(batch_size,)`, 1 on average over the graph.

    Raises:
        ValueError: If the graph holds no triple, an argument is out of range, chunks do not fill a
            replica's share of the batch, or `both_sides` or `self_negatives` meets `"bernoulli"`.
    """
    batch_size = checked_batch_size(batch_size)
    chunk_size = checked_chunk_size(chunk_size, batch_size)
    num_negatives = positive_int("num_negatives", num_negatives)
    steps = triple_steps(graph, batch_size)
    _check_corruption(corruption, both_sides=both_sides, self_negatives=self_negatives)
    draw = _draw(graph, corruption, degree_exponent)
    shape = [batch_size // chunk_size, num_negatives]
    triples = tf.convert_to_tensor(graph.triples)
    weights = tf.convert_to_tensor(subsampling_weights(graph)) if subsampling else None
    bernoulli = corruption == "bernoulli"
    rates = tf.convert_to_tensor(head_corruption_rates(graph)) if bernoulli else None
    mark_known = _known_marker(graph, both_sides or bernoulli) if filtered else None

    def negatives(given, seed):
        drawn = draw(shape, seed)
        if not self_negatives:
            return drawn
        return tf.concat([drawn, tf.reshape(given, [shape[0], chunk_size])], axis=1)

    def batch(step):
        rows = shuffled_rows(step, batch_size, graph.num_triples, seed)
        head, relation, tail = tf.unstack(tf.gather(triples, rows), axis=1)
        inputs = {"head": head, "relation": relation, "tail": tail}
        inputs["negatives"] = negatives(head, step_seed(seed, step, 0))
        if both_sides:
            inputs["head_negatives"] = negatives(tail, step_seed(seed, step, 1))
        if bernoulli:
            chance = tf.random.stateless_uniform([batch_size], step_seed(seed, step, 2))
            inputs["corrupt_head"] = chance < tf.gather(rates, relation)
        if subsampling:
            inputs["weight"] = tf.gather(weights, rows)
        return {**inputs, **mark_known(inputs)} if filtered else inputs

    return endless_batches(batch, steps, first_epoch, steps_per_epoch)


def checked_chunk_size(chunk_size, batch_size):
    """The number of triples that share negatives, a replica's share of the batch where None."""
    share = batch_size // num_replicas()
    chunk_size = share if chunk_size is None else positive_int("chunk_size", chunk_size)
    if chunk_size > share or batch_size % (chunk_size * num_replicas()):
        raise ValueError(
            f"`chunk_size` must divide a replica's share of the batch, {batch_size} triples over "
            f"{num_replicas()} replicas. Received: {chunk_size}."
        )
    return chunk_size


def _check_corruption(corruption, **flags):
    one_of("corruption", corruption, ("uniform", "bernoulli", "degree"))
    for name, flag in flags.items():
        if flag and corruption == "bernoulli":
            raise ValueError(
                f'`{name}` must be False where `corruption` is "bernoulli", which chooses a side. '
                "Received: True."
            )


def _draw(graph, corruption, degree_exponent):
    """Function of a shape and a seed that gives int32 entities."""
    non_negative("degree_exponent", degree_exponent)
    if corruption == "degree":
        return AliasTable(degrees(graph).astype("float64") ** degree_exponent).draw

    def uniform(shape, seed):
        return tf.random.stateless_uniform(shape, seed, maxval=graph.num_entities, dtype=tf.int32)

    return uniform


def _known_marker(graph, heads):
    """Function of a batch that gives its `known`; `heads`: negatives may stand for them, too."""
    num_queries = graph.num_entities * graph.num_relations
    queries, entities = tail_queries(graph), graph.triples[:, 2]
    if heads:
        # Queries for a head are numbered behind those for a tail.
        tails = graph.triples[:, 2].astype("int64")
        head_queries = num_queries + tails * graph.num_relations + graph.triples[:, 1]
        queries = np.concatenate([queries, head_queries])
        entities = np.concatenate([entities, graph.triples[:, 0]])
    known = KnownEntities(queries, entities, num_queries * (1 + heads), graph.num_entities)

    def among(queries, negatives):
        chunks, n = negatives.shape
        return tf.reshape(known.among(tf.reshape(queries, [chunks, -1]), negatives), [-1, n])

    def mark(inputs):
        head, relation, tail = (tf.cast(inputs[k], tf.int64) for k in ("head", "relation", "tail"))
        tail_query = head * graph.num_relations + relation
        head_query = num_queries + tail * graph.num_relations + relation
        query = tail_query
        if "corrupt_head" in inputs:
            query = tf.where(inputs["corrupt_head"], head_query, tail_query)
        marks = {"known": among(query, inputs["negatives"])}
        if "head_negatives" in inputs:
            marks["known_heads"] = among(head_query, inputs["head_negatives"])
        return marks

    return mark
