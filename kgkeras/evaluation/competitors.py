"""How many candidates stand above each answer, those that are known to be true left out."""

import numpy as np
from keras import ops

from kgkeras.ops import compiled
from kgkeras.ops.ranking import any_nan, count_competitors, tie_bounds


class Competitors:
    """Counts competitors of the answers of one side; what it compiles for a model stays so.

    All candidates are counted where the scores are made. Scores of known answers, few beside them,
    come back, and what they make of the counts is taken off again.

    Args:
        model: As for `rank`.
        side: `"tail"` or `"head"`.
        plan: `ScorePlan`.
        tolerance: As for `rank`.
    """

    def __init__(self, model, side, plan, tolerance):
        self._model, self._side, self._plan, self._tolerance = model, side, plan, tolerance
        variables = getattr(model, "variables", ())
        self._whole = compiled(self._count_whole, variables)
        self._bounds = compiled(self._answer_bounds, variables)
        self._part = compiled(self._count_part, variables)

    def count(self, block, known_row, known_entity, is_known):
        """The numbers of competitors above the answers of a block, and of those not below.

        Args:
            block: `QueryBlock`.
            known_row: Integer array `(known,)`, ascending: the query of each known answer.
            known_entity: Integer array `(known,)`: known answers, not to be counted.
            is_known: Boolean array `(answers,)`: whether the block's answers are among them.

        Returns:
            Two integer arrays `(answers,)`.

        Raises:
            ValueError: If a score is NaN.
        """
        size = block.last - block.first
        row, target = block.row[:size], block.target[:size]
        pairs = np.append(known_row, row).astype("int32"), np.append(known_entity, target)
        counts = (self._in_one if self._plan.whole else self._in_parts)(block, *pairs)
        above, reached, lower, upper = (values[:size] for values in counts[:-1])
        known, own = np.split(counts[-1], [len(known_row)])
        alone = ~is_known  # An answer that is not known is not a competitor of its own, either.
        above = above - _among(known_row, known, row, upper, "right") - (alone & (own > upper))
        reached = reached - _among(known_row, known, row, lower, "left") - (alone & (own >= lower))
        return above, reached

    def _in_one(self, block, row, entity):
        """Counts, bounds, and scores of pairs, of all candidates at once."""
        asked = block.anchor, block.relation, block.row, block.target
        *counts, scores = _numbers(*self._whole(*asked, *_few_shapes(row, entity)))
        return *counts, scores[: len(row)]

    def _in_parts(self, block, row, entity):
        """The same, of some candidates after the other."""
        asked = block.anchor, block.relation, block.row
        bounds = self._bounds(*asked, block.target)
        above, reached, scores = 0, 0, np.empty(len(row))
        for first, candidates in self._plan.chunks():
            inside = (entity >= first) & (entity < first + len(candidates))
            pairs = _few_shapes(row[inside], entity[inside] - first)
            counts = _numbers(*self._part(*asked, *bounds, candidates, *pairs))
            above, reached = above + counts[0], reached + counts[1]
            scores[inside] = counts[2][: np.sum(inside)]
        return above, reached, *map(ops.convert_to_numpy, bounds), scores

    # === Compiled ===

    def _score(self, anchor, relation, candidates):
        if self._side == "tail":
            return self._model.score_tails(anchor, relation, candidates)
        return self._model.score_heads(candidates, relation, anchor)

    def _count_whole(self, anchor, relation, row, target, *pairs):
        scores = self._score(anchor, relation, None)
        bounds = tie_bounds(_at(scores, row, target), self._tolerance)
        counts = count_competitors(scores, row, *bounds)
        return *counts, *bounds, _at(scores, *pairs), any_nan(scores)

    def _answer_bounds(self, anchor, relation, row, target):
        scores = self._score(anchor, relation, target)
        return tie_bounds(_at(scores, row, ops.arange(ops.shape(target)[0])), self._tolerance)

    def _count_part(self, anchor, relation, row, lower, upper, candidates, *pairs):
        scores = self._score(anchor, relation, candidates)
        counts = count_competitors(scores, row, lower, upper)
        return *counts, _at(scores, *pairs), any_nan(scores)


def _among(row, scores, asked, bound, side):
    """How many of the scores of an `asked` row exceed its bound ("right") or reach it ("left").

    Args:
        row: Integer array `(scores,)`, ascending.
        scores: Float array `(scores,)`.
        asked: Integer array `(answers,)`.
        bound: Float array `(answers,)`.
        side: Where a score that equals the bound stands, as for `np.searchsorted`.
    """
    # Complex numbers are in order by their real parts, then by the others.
    told, wanted = np.empty(len(row), "complex128"), np.empty(len(asked), "complex128")
    told.real, told.imag, wanted.real, wanted.imag = row, scores, asked, bound
    return np.searchsorted(row, asked, "right") - np.searchsorted(np.sort(told), wanted, side)


def _few_shapes(row, column):
    """Pairs padded, as each shape may be compiled for itself."""
    padding = (0, (1 << max(0, len(row) - 1).bit_length()) - len(row))
    return np.pad(row, padding), np.pad(column, padding)


def _at(scores, row, column):
    """`scores[row, column]`, a tensor of the shape of `row`."""
    return ops.take(ops.reshape(scores, (-1,)), row * ops.shape(scores)[1] + column)


def _numbers(*tensors):
    """All but the last as arrays; the last says whether a score is no number."""
    *arrays, broken = map(ops.convert_to_numpy, tensors)
    if broken:
        raise ValueError(
            "Scores must be numbers. Received: NaN from the model (or infinities of both signs)."
        )
    return arrays
