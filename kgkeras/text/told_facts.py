"""The facts of a graph that texts may tell, as tokens."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kgkeras.checks import positive_int


class ToldFacts(NamedTuple):
    """What `VerbalizedTriples` tells, and all there is to keep of it.

    Attributes:
        heads: Integer array `(facts,)`, sorted: the entity that each fact is told of, the most
            telling fact of an entity first.
        pieces: Integer array: the tokens of all facts' relations and tails, fact by fact.
        lengths: Integer array `(facts,)`: how many of them each fact has.
        num_entities: Number of entities of the graph.
    """

    heads: np.ndarray
    pieces: np.ndarray
    lengths: np.ndarray
    num_entities: int

    def check(self, vocabulary_size, max_facts):
        """Raises `ValueError` if the parts do not belong together."""
        num_entities = positive_int("num_entities", self.num_entities)
        heads, pieces = self.heads, self.pieces
        if len(heads) == 0 or heads[-1] >= num_entities or (np.diff(heads) < 0).any():
            raise ValueError(
                f"Facts must be there and be sorted by their heads, numbers below {num_entities}. "
                f"Received: {len(heads)} facts, heads up to {heads.max(initial=-1)}."
            )
        if pieces.max(initial=0) >= vocabulary_size:
            raise ValueError(
                f"Tokens must be numbers below {vocabulary_size}. Received: {pieces.max()}."
            )
        if np.bincount(heads).max() > max_facts:
            raise ValueError(
                f"An entity must have at most {max_facts} facts. "
                f"Received: {np.bincount(heads).max()}."
            )


def told_facts(preprocessor, graph, max_facts):
    """The `ToldFacts` of a graph; arguments and errors as of `VerbalizedTriples`."""
    facts = _chosen(graph, positive_int("max_facts", max_facts))
    pieces = _pieces(preprocessor, graph, facts)
    lengths = pieces.row_lengths().numpy()
    return ToldFacts(facts[:, 0], pieces.flat_values.numpy(), lengths, graph.num_entities)


def _chosen(graph, max_facts):
    """The facts `(n, 3)` that are told, by head, the most telling first."""
    if not graph.num_triples:
        raise ValueError("`graph` must hold at least one triple. Received: an empty graph.")
    # Each once, in the order of the graph.
    _, first = np.unique(np.asarray(graph.triples), axis=0, return_index=True)
    triples = np.asarray(graph.triples)[np.sort(first)]
    head, relation, tail = triples.astype("int64").T
    pairs = relation * graph.num_entities + tail
    _, which, shared = np.unique(pairs, return_inverse=True, return_counts=True)
    order = np.lexsort((np.arange(len(head)), shared[which], head))
    facts = triples[order]
    starts = np.searchsorted(facts[:, 0], facts[:, 0])
    return facts[np.arange(len(facts)) - starts < max_facts]


def _pieces(preprocessor, graph, facts):
    """The tokens of each fact's relation and tail: ragged `(facts, pieces)`."""
    relations = [graph.relation_name(i) for i in range(graph.num_relations)]
    tails, which = np.unique(facts[:, 2], return_inverse=True)
    tails = [graph.entity_name(i) for i in tails]
    parts = []
    for names, ids in ((relations, facts[:, 1]), (tails, which)):
        pieces = preprocessor.pieces([name.replace("_", " ") for name in names])
        parts.append(tf.gather(pieces, ids))
    return tf.concat(parts, axis=1)
