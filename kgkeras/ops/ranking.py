"""Ranks of answers among candidates: how ties, known answers and rounding count is said here."""

import keras
from keras import ops

from kgkeras.checks import non_negative, one_of
from kgkeras.ops.compilation import fused

TIES = ("mean", "optimistic", "pessimistic")
TOLERANCE = 1e-5


def ranks_from_scores(scores, target, known=None, ties="mean", tolerance=TOLERANCE):
    """The rank of one answer among each row's candidates: 1 is best.

    Two scores are tied if they differ by no more than `tolerance * |score of the answer|`, as
    rounding makes equal candidates differ. A NaN score ranks below all others; an answer whose
    score is NaN is last, whatever `ties` says.

    Args:
        scores: Float tensor `(queries, candidates)`; higher is better.
        target: Integer tensor `(queries,)`: the column of the answer.
        known: Integer tensor `(queries, k)`: columns of candidates to leave out, other true
            answers as a rule; -1 fills a row up. The answer itself is never left out. None leaves
            nothing out.
        ties: Where the answer stands among candidates tied with it: `"optimistic"` first,
            `"pessimistic"` last, `"mean"` at the mean of both ("realistic").
        tolerance: Relative difference up to which scores are tied, at least 0.

    Returns:
        Float32 tensor `(queries,)`.

    Raises:
        ValueError: If `ties`, `tolerance` or a shape is not as described.
    """
    one_of("ties", ties, TIES)
    tolerance = non_negative("tolerance", tolerance)
    scores, target = ops.convert_to_tensor(scores), ops.cast(target, "int32")
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(scores.dtype)):
        scores = ops.cast(scores, "float32")
    if known is not None:
        known = ops.cast(known, "int32")
    _check_shapes(scores, target, known)
    rows = ops.arange(ops.shape(scores)[0], dtype="int32")
    answer = ops.take_along_axis(scores, target[:, None], axis=1)[:, 0]
    lost = ops.isnan(answer)
    worst = ops.full((), -float("inf"), dtype=scores.dtype)
    # All candidates reach a lost answer; none with a NaN score reaches another.
    answer = ops.where(lost, worst, answer)
    scores = ops.where(ops.logical_and(ops.isnan(scores), lost[:, None]), worst, scores)
    left_out = target[:, None]  # no competitor of its own
    if known is not None:
        left_out = ops.concatenate([left_out, ops.where(known >= 0, known, left_out)], axis=1)
    scores = leave_out(scores, *_pairs(left_out))
    above, reached = count_competitors(scores, rows, *tie_bounds(answer, tolerance))
    optimistic, pessimistic = ops.where(lost, reached, above) + 1, reached + 1
    optimistic, pessimistic = ops.cast(optimistic, "float32"), ops.cast(pessimistic, "float32")
    if ties == "mean":
        return (optimistic + pessimistic) / 2
    return optimistic if ties == "optimistic" else pessimistic


def leave_out(scores, rows, columns):
    """`scores` with NaN at the pairs `(rows, columns)`: no comparison with NaN is true."""
    pairs = ops.stack([rows, columns], axis=1)
    missing = ops.full(ops.shape(rows), float("nan"), dtype=scores.dtype)
    return ops.scatter_update(scores, pairs, missing)


def tie_bounds(answer, tolerance):
    """Below and above what scores others are tied with answers of these scores."""
    finite = ops.abs(answer) < float("inf")
    margin = ops.where(finite, tolerance * ops.abs(answer), ops.zeros_like(answer))
    return answer - margin, answer + margin


def count_competitors(scores, rows, lower, upper):
    """Counts, for each answer, the candidates above it and those that at least reach it.

    Args:
        scores: Float tensor `(queries, candidates)`; what is NaN is not counted.
        rows: Integer tensor `(answers,)`: the query of each answer.
        lower: Float tensor `(answers,)`: what reaches an answer; see `tie_bounds`.
        upper: Float tensor `(answers,)`: what all above it exceed.

    Returns:
        Two int32 tensors `(answers,)`. If the answer is among the candidates, it reaches itself.
    """
    columns = scores.shape[1]
    if columns is None or columns > _HALF:
        return _count_above(scores, rows, upper), _count_reached(scores, rows, lower)
    both = _count_both(scores, rows, lower, upper)
    return ops.bitwise_and(both, _HALF), ops.bitwise_and(ops.right_shift(both, 16), _HALF)


# Counting reads every score for every answer, and takes as long as the product that made the scores
# unless it is one loop that keeps one number: small counts share the halves of an integer.
_HALF = 2**16 - 1


@fused
def _count_both(scores, rows, lower, upper):
    scores = ops.take(scores, rows, axis=0)  # (answers, candidates), never made
    above = ops.cast(scores > upper[:, None], "int32")
    reached = ops.cast(scores >= lower[:, None], "int32")
    return ops.sum(above + reached * (_HALF + 1), axis=1)


@fused
def _count_above(scores, rows, upper):
    return ops.sum(ops.cast(ops.take(scores, rows, axis=0) > upper[:, None], "int32"), axis=1)


@fused
def _count_reached(scores, rows, lower):
    return ops.sum(ops.cast(ops.take(scores, rows, axis=0) >= lower[:, None], "int32"), axis=1)


@fused
def any_nan(scores):
    """Whether a score is NaN, or infinities of both signs stand in a row of `(rows, columns)`."""
    if keras.backend.standardize_dtype(scores.dtype) in ("float16", "bfloat16"):
        scores = ops.cast(scores, "float32")  # Sums of many would be infinite.
    # Sums are quicker to search than scores.
    return ops.any(ops.isnan(ops.sum(scores, axis=1)))


def _pairs(columns):
    """Rows and columns of all elements of `columns` `(rows, k)`, flat."""
    rows = ops.arange(ops.shape(columns)[0], dtype="int32")[:, None]
    return ops.reshape(ops.broadcast_to(rows, ops.shape(columns)), (-1,)), ops.reshape(
        columns, (-1,)
    )


def _check_shapes(scores, target, known):
    shapes = {"scores": scores.shape, "target": target.shape}
    if known is not None:
        shapes["known"] = known.shape
    wanted = {"scores": 2, "target": 1, "known": 2}
    same = len({shape[0] for shape in shapes.values() if len(shape) and shape[0] is not None}) <= 1
    if not same or any(len(shape) != wanted[name] for name, shape in shapes.items()):
        listed = ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items())
        raise ValueError(
            "`scores` must be (queries, candidates), `target` (queries,) and `known` (queries, k). "
            f"Received: {listed}."
        )
