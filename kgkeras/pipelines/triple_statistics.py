"""What the triples of a graph say about how to draw from it."""

import numpy as np

from kgkeras.pipelines.pair_keys import pair_keys

# Added to each count, as in the code of RotatE, whose counts start at 4.
_SMOOTHING = 3


def degrees(graph):
    """Facts that each entity is head or tail of: int64 array `(num_entities,)`."""
    heads, tails = (
        np.bincount(graph.triples[:, column], minlength=graph.num_entities) for column in (0, 2)
    )
    return heads + tails


def head_corruption_rates(graph):
    """For each relation, the probability that its triples lose their head rather than their tail.

    `tph / (tph + hpt)`, the tails a head has on average against the heads a tail has: where many
    tails are true, a random one is often no false negative's.

    Returns:
        float32 array `(num_relations,)`; 0.5 for a relation without facts.

    Paper: Z. Wang et al., Knowledge graph embedding by translating on hyperplanes (2014).
    """
    head, relation, tail = graph.triples.astype("int64").T
    sizes = graph.num_relations, graph.num_entities
    num_heads, num_tails = (
        np.bincount(pair_keys(relation, entity, *sizes) // sizes[1], minlength=sizes[0])
        for entity in (head, tail)
    )
    # With n facts, tph is n / num_heads and hpt is n / num_tails.
    total = num_heads + num_tails
    return np.where(total > 0, num_tails / np.maximum(total, 1), 0.5).astype("float32")


def subsampling_weights(graph):
    """A weight for each triple, less where its queries are asked often, 1 on average.

    `1 / sqrt(count(head, relation) + count(relation, tail))`, normalised.

    Returns:
        float32 array `(num_triples,)`.

    Paper: Z. Sun et al., RotatE (2019), after the subsampling of frequent words in word2vec.
    """
    head, relation, tail = graph.triples.astype("int64").T
    counts = 0
    for entity in (head, tail):
        _, query, count = np.unique(
            entity * graph.num_relations + relation, return_inverse=True, return_counts=True
        )
        counts = counts + count[query] + _SMOOTHING
    weights = 1 / np.sqrt(counts)
    return (weights / weights.mean()).astype("float32")
