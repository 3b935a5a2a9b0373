"""Numbers for pairs of a query and its answer."""

import numpy as np


def pair_keys(queries, entities, num_queries, num_entities):
    """The distinct pairs, sorted by query and then by entity.

    Args:
        queries: int64 array `(n,)` of numbers in `[0, num_queries)`.
        entities: Integer array `(n,)`: an answer of each query.
        num_queries: Number of different queries.
        num_entities: Number of entities.

    Returns:
        int64 array of `query * num_entities + entity`.

    Raises:
        ValueError: If there are so many that a pair has no 64-bit number.
    """
    if num_queries * num_entities >= 2**63:
        raise ValueError(
            "The number of a query and its answer must fit in 64 bits. "
            f"Received: {num_queries} queries, {num_entities} entities."
        )
    # `np.unique` hashes integers, which for millions takes many times as long as sorting.
    keys = np.sort(queries * num_entities + entities)
    return keys[np.diff(keys, prepend=-1) > 0]


def tail_queries(graph):
    """The number `head * num_relations + relation` of each triple: int64 array `(n,)`."""
    return graph.triples[:, 0].astype("int64") * graph.num_relations + graph.triples[:, 1]
