"""Which triples are true, and what else answers a query: the filter of link prediction."""

import numpy as np

from kgkeras.checks import one_of

SIDES = ("tail", "head")


class TrueTriples:
    """An index from queries `(head, relation)` and `(relation, tail)` to their answers.

    Built by sorting, once; looked up for many queries at a time. Repeated triples count once.

    Args:
        *sources: `kg.KnowledgeGraph`s, `kg.Splits` (all three graphs) or integer arrays
            `(n, 3)` of head, relation and tail.

    Raises:
        ValueError: If an array is not as described.
    """

    def __init__(self, *sources):
        triples = np.concatenate([np.zeros((0, 3), "int32"), *map(_all_triples, sources)])
        self._num_relations = int(triples[:, 1].max(initial=-1)) + 1
        head, relation, tail = triples.T
        self._index = {
            "tail": _grouped(self._keys(head, relation), tail),
            "head": _grouped(self._keys(tail, relation), head),
        }

    def __len__(self):
        """Number of distinct triples."""
        return len(self._index["tail"][1])

    def answers(self, side, anchor, relation):
        """The answers of queries.

        Args:
            side: `"tail"` for the tails of `(anchor, relation)`, `"head"` for the heads of
                `(relation, anchor)`.
            anchor: Integer array `(queries,)`.
            relation: Integer array `(queries,)`.

        Returns:
            Two int32 arrays `(answers,)`: the row of the query, ascending, and the entity,
            ascending in each row.
        """
        _, entities = self._index[one_of("side", side, SIDES)]
        first, last = self._bounds(side, anchor, relation)
        counts = last - first
        rows = np.repeat(np.arange(len(counts), dtype="int32"), counts)
        begins = np.cumsum(counts) - counts
        places = np.arange(len(rows)) + np.repeat(first - begins, counts)
        return rows, entities[places]

    def count(self, side, anchor, relation):
        """How many answers each query has: an integer array `(queries,)`; see `answers`."""
        first, last = self._bounds(one_of("side", side, SIDES), anchor, relation)
        return last - first

    def contains(self, triples):
        """Whether each of `triples`, an integer array `(n, 3)`, is true: a boolean array `(n,)`."""
        head, relation, tail = as_triples(triples).T
        rows, entities = self.answers("tail", head, relation)
        found = np.zeros(len(tail), bool)
        found[rows[entities == tail[rows]]] = True
        return found

    def _keys(self, anchor, relation):
        return np.asarray(anchor, "int64") * self._num_relations + relation

    def _bounds(self, side, anchor, relation):
        """Where the answers of each query begin and end."""
        keys, _ = self._index[side]
        wanted = self._keys(anchor, relation)
        first, last = (np.searchsorted(keys, wanted, side=where) for where in ("left", "right"))
        # The key of a relation that no triple has is that of another query.
        return first, np.where(np.asarray(relation) < self._num_relations, last, first)


def as_triples(source):
    """The triples of a graph, or of an array `(n, 3)` of integers, checked."""
    triples = np.asarray(getattr(source, "triples", source))
    integers = np.issubdtype(triples.dtype, np.integer)
    if triples.ndim != 2 or triples.shape[1] != 3 or not integers:
        raise ValueError(
            "Triples must be a `KnowledgeGraph` or an integer array (n, 3). "
            f"Received: {type(source).__name__}, shape {triples.shape}, dtype {triples.dtype}."
        )
    if triples.size and triples.min() < 0:
        raise ValueError(f"Ids in triples must not be negative. Received: {triples.min()}.")
    return triples


def as_true_triples(known):
    """`known` itself if it is `TrueTriples`, else those of the one source that it is."""
    return known if isinstance(known, TrueTriples) else TrueTriples(known)


def _all_triples(source):
    if hasattr(source, "train"):
        return np.concatenate([source.train.triples, source.valid.triples, source.test.triples])
    return as_triples(source)


def _grouped(keys, answers):
    """Keys and answers of the distinct pairs, ordered by key and then by answer."""
    order = np.lexsort((answers, keys))
    keys, answers = keys[order], answers[order]
    new = np.ones(len(keys), bool)
    new[1:] = (np.diff(keys) != 0) | (np.diff(answers) != 0)
    return keys[new], answers[new].astype("int32")
