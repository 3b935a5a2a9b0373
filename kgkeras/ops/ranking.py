"""Ranks of answers among candidates: how ties, known answers and rounding count is said here."""

import keras
from keras import ops

from kgkeras.checks import non_negative, one_of

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
    above, reached = count_competitors(scores, rows, target, answer, tolerance)
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


def count_competitors(scores, rows, target, answer, tolerance):
    """Counts, for each answer, the other candidates above it and those that at least reach it.

    Args:
        scores: Float tensor `(queries, candidates)`; NaN where a candidate is left out.
        rows: Integer tensor `(answers,)`: the query of each answer.
        target: Integer tensor `(answers,)`: the column of each, -1 where it is not among these
            candidates.
        answer: Float tensor `(answers,)`: the score of each.
        tolerance: Relative difference up to which scores are tied.

    Returns:
        Two int32 tensors `(answers,)`. The optimistic rank is 1 + above, the pessimistic one
        1 + reached.
    """
    finite = ops.abs(answer) < float("inf")
    margin = ops.where(finite, tolerance * ops.abs(answer), ops.zeros_like(answer))
    lower, upper = (answer - margin)[:, None], (answer + margin)[:, None]
    candidates = ops.take(scores, rows, axis=0)  # (answers, candidates)
    own = ops.take_along_axis(candidates, ops.maximum(target, 0)[:, None], axis=1)
    here = (target >= 0)[:, None]

    def count(candidates_that, own_does):
        # In another chunk the answer's score may be rounded otherwise: it must not beat itself.
        counted = ops.sum(ops.cast(candidates_that, "int32"), axis=1)
        return counted - ops.cast(ops.logical_and(own_does, here), "int32")[:, 0]

    return count(candidates > upper, own > upper), count(candidates >= lower, own >= lower)


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
