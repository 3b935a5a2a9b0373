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
    if known is not None:
        # The answer's own column is no competitor either way, so it can fill rows up.
        scores = leave_out(scores, *_pairs(ops.where(known >= 0, known, target[:, None])))
    above, reached, _ = count_competitors(scores, rows, answer, (rows, target), tolerance)
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


def count_competitors(scores, rows, answer, excluded, tolerance):
    """Counts, for each answer, the candidates above it and those that at least reach it.

    Args:
        scores: Float tensor `(queries, candidates)`; what is NaN is not counted.
        rows: Integer tensor `(answers,)`: the query of each answer.
        answer: Float tensor `(answers,)`: the score of each.
        excluded: Two integer tensors `(pairs,)`: an answer and a column that is not counted for
            it, among them the answer's own. No pair comes twice; those of an answer beyond the
            last do nothing.
        tolerance: Relative difference up to which scores are tied.

    Returns:
        Two int32 tensors `(answers,)`, and a boolean, whether any score is NaN. The optimistic
        rank is 1 + above, the pessimistic one 1 + reached.
    """
    finite = ops.abs(answer) < float("inf")
    margin = ops.where(finite, tolerance * ops.abs(answer), ops.zeros_like(answer))
    lower, upper = answer - margin, answer + margin
    above, reached, broken = _tally(scores, rows, lower, upper)
    which, column = excluded
    count = ops.shape(answer)[0]
    owner = ops.minimum(which, count - 1)
    left_out = ops.take(
        ops.reshape(scores, (-1,)), ops.take(rows, owner) * ops.shape(scores)[1] + column
    )
    found = ops.stack([left_out > ops.take(upper, owner), left_out >= ops.take(lower, owner)], 1)
    # What is beyond the last answer is summed up too, and dropped.
    less = ops.segment_sum(ops.cast(found, "int32"), which, num_segments=count + 1)[:-1]
    return above - less[:, 0], reached - less[:, 1], broken


@fused
def _tally(scores, rows, lower, upper):
    """How many scores of its row are above each answer, and reach it; whether any is NaN.

    This reads every score, and takes as long as the product that made them if it is not one loop.
    """
    candidates = ops.take(scores, rows, axis=0)  # (answers, candidates), never made
    above = ops.sum(ops.cast(candidates > upper[:, None], "int32"), axis=1)
    reached = ops.sum(ops.cast(candidates >= lower[:, None], "int32"), axis=1)
    # Sums are quicker to search for NaN than scores.
    return above, reached, ops.any(ops.isnan(ops.sum(scores, axis=1)))


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
