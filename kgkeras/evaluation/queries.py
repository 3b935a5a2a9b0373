"""Queries of link prediction, and the blocks in which they are scored."""

import dataclasses

import numpy as np


class Queries:
    """The different queries of some triples, in an order by chance, and who asks them.

    Args:
        anchor: Integer array `(answers,)`: the entity that is given.
        relation: Integer array `(answers,)`.
        target: Integer array `(answers,)`: the right answer.

    Attributes:
        anchor, relation: Integer arrays `(queries,)`.
        order: Integer array `(answers,)`: places of the answers, sorted by query, in the arguments.
        query: Integer array `(answers,)`, ascending: who asks which.
        target: Integer array `(answers,)`, sorted likewise.
    """

    def __init__(self, anchor, relation, target):
        order = np.lexsort((anchor, relation))
        new = np.append(True, np.diff(anchor[order]) | np.diff(relation[order])).astype(bool)
        # Those of one relation often have many answers; blocks shall have about as many each.
        place = np.random.default_rng(0).permutation(np.sum(new))
        query = place[np.cumsum(new) - 1]
        again = np.argsort(query, kind="stable")
        self.order, self.query = order[again], query[again]
        first = self.order[np.append(True, np.diff(self.query) > 0)]
        self.anchor, self.relation = anchor[first], relation[first]
        self.target = target[self.order]

    def blocks(self, rows):
        """`QueryBlock`s of the same shape, of at most so many queries."""
        queries, answers = len(self.anchor), len(self.target)
        rows = -(-queries // -(-queries // rows))  # as many as fill all blocks alike
        begins = np.searchsorted(self.query, np.arange(0, queries, rows))
        # As many answers as there are in any of the blocks, unless some queries have very many.
        size = min(int(np.max(np.diff(begins, append=answers))), 2 * rows * answers // queries + 32)
        first = 0
        while first < answers:
            start = int(self.query[first])
            last = min(int(np.searchsorted(self.query, start + rows)), first + size)
            stop = int(self.query[last - 1]) + 1
            yield QueryBlock(
                start,
                stop,
                first,
                last,
                _padded(self.anchor[start:stop], rows),
                _padded(self.relation[start:stop], rows),
                _padded((self.query[first:last] - start).astype("int32"), size),
                _padded(self.target[first:last], size),
            )
            first = last


@dataclasses.dataclass(frozen=True)
class QueryBlock:
    """Queries `start` to `stop`, answers `first` to `last`, padded; `row` says who asks which."""

    start: int
    stop: int
    first: int
    last: int
    anchor: np.ndarray  # (queries,)
    relation: np.ndarray  # (queries,)
    row: np.ndarray  # (answers,)
    target: np.ndarray  # (answers,)


def _padded(ids, length):
    """`ids` with its last element repeated up to `length`."""
    return np.pad(ids, (0, length - len(ids)), mode="edge")
