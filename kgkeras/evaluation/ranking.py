"""Link prediction: ranks every true triple among its corruptions."""

import dataclasses

import numpy as np
from keras import ops

from kgkeras.checks import non_negative, one_of, positive_int
from kgkeras.evaluation.ranks import Ranks, SideRanks
from kgkeras.evaluation.true_triples import SIDES, TrueTriples, as_triples, as_true_triples
from kgkeras.ops import compiled
from kgkeras.ops.ranking import TOLERANCE, count_competitors, leave_out

# Larger blocks fall out of the processor's caches and are slower.
_ROWS = 256
# Below this, reading the table again for every block costs more than cutting it in pieces.
_FEWEST_ROWS = 64
# Counting needs copies of the scores, one of them for comparisons as 32-bit integers.
_BYTES_PER_SCORE = 32
_BYTES_PER_CANDIDATE = 4096


def rank(model, triples, known, *, sides="both", memory=512 * 2**20, tolerance=TOLERANCE):
    """Ranks each triple's tail among all entities, and its head.

    Other entities that make a `known` triple are left out ("filtered"). Queries that several
    triples share are scored once. Triples with entities that training did not see are ranked as
    all others: `Ranks.unseen` counts them.

    Args:
        model: `models.LinkPredictor`, or whatever has `num_entities`, `num_relations` and
            `score_tails(head, relation, candidates)` and `score_heads(candidates, relation, tail)`
            from int32 ids to scores `(queries, candidates)`, where `candidates` None stands for
            all entities. An attribute `bytes_per_score`, 4 if absent, tells how much memory it
            takes to score one candidate for one query.
        triples: `kg.KnowledgeGraph` or integer array `(n, 3)`.
        known: What to leave out: `TrueTriples`, or the one graph, `kg.Splits` or array to make
            them of; None leaves nothing out ("raw"). For a final figure it holds train, valid and
            test triples, for choosing a model train and valid ones.
        sides: `"both"`, `"tail"` or `"head"`.
        memory: Bytes that ranking may take beside the model itself, about.
        tolerance: Relative difference up to which two scores are tied; see
            `ops.ranks_from_scores`.

    Returns:
        `Ranks`.

    Raises:
        ValueError: If there is no triple, an id is out of range or a score is NaN.
    """
    return Ranker(model, memory=memory, tolerance=tolerance).rank(triples, known, sides=sides)


class Ranker:
    """Ranks as `rank` does, again and again: what was compiled for a model stays so.

    Args:
        model: As for `rank`.
        memory: As for `rank`.
        tolerance: As for `rank`.
    """

    def __init__(self, model, *, memory=512 * 2**20, tolerance=TOLERANCE):
        self.model = model
        self._plan = _Plan.make(model, positive_int("memory", memory))
        tolerance = non_negative("tolerance", tolerance)
        self._counters = {side: _counter(model, side, self._plan, tolerance) for side in SIDES}

    def rank(self, triples, known, *, sides="both"):
        """`Ranks` of triples; arguments as for the function `rank`."""
        triples = _checked(as_triples(triples), self.model)
        known = TrueTriples() if known is None else as_true_triples(known)
        chosen = SIDES if one_of("sides", sides, ("both", *SIDES)) == "both" else (sides,)
        return Ranks(triples, {side: self._rank_side(triples, known, side) for side in chosen})

    def _rank_side(self, triples, known, side):
        """The `SideRanks` of all triples."""
        head, relation, tail = np.ascontiguousarray(triples.T, dtype="int32")
        anchor, target = (head, tail) if side == "tail" else (tail, head)
        order = np.lexsort((anchor, relation))
        above, reached = np.zeros((2, len(triples)), "int64")
        size = min(self._plan.rows, len(triples))
        for start in range(0, len(triples), size):
            chosen = order[start : start + size]
            columns = (ids[chosen] for ids in (anchor, relation, target))
            counts = self._counters[side](_Block.make(*columns, known, side, size))
            above[chosen], reached[chosen] = (values[: len(chosen)] for values in counts)
        others = known.count(side, anchor, relation) - known.contains(triples)
        return SideRanks(1 + above, 1 + reached, self.model.num_entities - others)


@dataclasses.dataclass(frozen=True)
class _Plan:
    """How many queries, and how many candidates, are scored at a time."""

    rows: int
    columns: int
    num_entities: int

    @classmethod
    def make(cls, model, memory):
        entities = model.num_entities
        score = _BYTES_PER_SCORE + getattr(model, "bytes_per_score", 4)
        rows = memory // (score * entities)
        if rows >= _FEWEST_ROWS:
            return cls(min(rows, _ROWS), entities, entities)
        # Half of the memory for the candidates' vectors, half for the scores.
        scores = max(1, memory // 2 // score)
        columns = min(memory // 2 // _BYTES_PER_CANDIDATE, scores // _FEWEST_ROWS, entities)
        columns = max(columns, 1)
        return cls(int(np.clip(scores // columns, 1, _ROWS)), columns, entities)

    def chunks(self):
        """Pairs of the first candidate and the ids of all; None stands for every entity."""
        if self.columns == self.num_entities:
            return [(0, None)]
        ids = np.arange(self.num_entities, dtype="int32")
        return [(i, ids[i : i + self.columns]) for i in range(0, self.num_entities, self.columns)]


@dataclasses.dataclass(frozen=True)
class _Block:
    """Some triples, padded, and the queries that they ask; `row` says who asks which."""

    anchor: np.ndarray  # (queries,)
    relation: np.ndarray  # (queries,)
    row: np.ndarray  # (triples,)
    target: np.ndarray  # (triples,)
    known_row: np.ndarray  # (pairs,)
    known_entity: np.ndarray  # (pairs,)

    @classmethod
    def make(cls, anchor, relation, target, known, side, size):
        """A block of triples that are sorted by query."""
        new = np.append(True, (np.diff(anchor) != 0) | (np.diff(relation) != 0))
        row = (np.cumsum(new) - 1).astype("int32")
        anchor, relation = anchor[new], relation[new]
        known_row, known_entity = known.answers(side, anchor, relation)
        # Few shapes, as each may be compiled for itself.
        queries = -(-len(anchor) * 4 // size) * -(-size // 4)
        anchor, relation = _padded(anchor, queries), _padded(relation, queries)
        return cls(
            anchor, relation, _padded(row, size), _padded(target, size), known_row, known_entity
        )

    def known_among(self, first, last):
        """Pairs of query and column for the known answers among some candidates."""
        here = (self.known_entity >= first) & (self.known_entity < last)
        row, column = self.known_row[here], self.known_entity[here] - np.int32(first)
        if not len(row):
            return row, column
        length = 1 << int(len(row) - 1).bit_length()
        return _padded(row, length), _padded(column, length)


def _counter(model, side, plan, tolerance):
    """A function from a block to the numbers of candidates above and not below its answers."""

    def score(anchor, relation, candidates):
        if side == "tail":
            return model.score_tails(anchor, relation, candidates)
        return model.score_heads(candidates, relation, anchor)

    def whole(anchor, relation, row, target, known_row, known_column):
        scores = score(anchor, relation, None)
        answer = _at(scores, row, target)
        return _count(scores, row, target, answer, known_row, known_column)

    def part(anchor, relation, row, target, known_row, known_column, answer, candidates):
        scores = score(anchor, relation, candidates)
        return _count(scores, row, target, answer, known_row, known_column)

    def _count(scores, row, target, answer, known_row, known_column):
        # Sums are quicker to search for NaN than scores.
        broken = ops.any(ops.isnan(ops.sum(scores, axis=1)))
        scores = leave_out(scores, known_row, known_column)
        return *count_competitors(scores, row, target, answer, tolerance), broken

    def answers(anchor, relation, row, target):
        return _at(score(anchor, relation, target), row, ops.arange(ops.shape(target)[0]))

    variables = getattr(model, "variables", ())
    whole, part, answers = (compiled(f, variables) for f in (whole, part, answers))

    def count(block):
        queries = (block.anchor, block.relation, block.row)
        if plan.columns == plan.num_entities:
            pairs = block.known_among(0, plan.num_entities)
            return _numbers(*whole(*queries, block.target, *pairs))
        answer = answers(*queries, block.target)
        total = 0
        for first, candidates in plan.chunks():
            last = first + len(candidates)
            inside = (block.target >= first) & (block.target < last)
            target = np.where(inside, block.target - first, -1).astype("int32")
            pairs = block.known_among(first, last)
            total = total + _numbers(*part(*queries, target, *pairs, answer, candidates))
        return total

    return count


def _at(scores, row, column):
    """`scores[row, column]`, a tensor of the shape of `row`."""
    return ops.take(ops.reshape(scores, (-1,)), row * ops.shape(scores)[1] + column)


def _numbers(above, reached, broken):
    if ops.convert_to_numpy(broken):
        raise ValueError(
            "Scores must be numbers. Received: NaN from the model (or infinities of both signs)."
        )
    return np.stack([ops.convert_to_numpy(above), ops.convert_to_numpy(reached)])


def _padded(ids, length):
    """`ids` with its last element repeated up to `length`."""
    return np.pad(ids, (0, length - len(ids)), mode="edge")


def _checked(triples, model):
    sizes = (model.num_entities, model.num_relations, model.num_entities)
    if not len(triples):
        raise ValueError("There must be at least one triple to rank. Received: none.")
    wrong = np.argwhere(triples >= np.asarray(sizes))
    if len(wrong):
        row, column = (int(i) for i in wrong[0])
        name = ("head", "relation", "tail")[column]
        raise ValueError(
            f"The {name} in row {row} must be below {sizes[column]}, as the model knows no other. "
            f"Received: {int(triples[row, column])}."
        )
    return triples
