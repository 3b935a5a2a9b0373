"""Precision, recall and F1 of spans, as CoNLL's evaluation counts them."""

import numpy as np


def span_counts(true, told, kind=None):
    """How many spans of each text are right, told and true.

    A span is right if its first word, its last and its type are.

    Args:
        true: Sequence of integer arrays, one a text: the tags of its words, see `ops.tag_spans`.
        told: As many, as long: a model's tags.
        kind: Number of the type to count; all of them where None.

    Returns:
        Integer array `(texts, 3)`.

    Raises:
        ValueError: If the numbers of texts, or of a text's words, differ.
    """
    if len(true) != len(told) or any(len(a) != len(b) for a, b in zip(true, told, strict=True)):
        raise ValueError(
            "`true` and `told` must be of the same texts, with a tag for each word. "
            f"Received: {len(true)} and {len(told)} texts."
        )
    pairs = [(_spans(a, kind), _spans(b, kind)) for a, b in zip(true, told, strict=True)]
    rows = [(len(wanted & found), len(found), len(wanted)) for wanted, found in pairs]
    return np.array(rows, "int64").reshape(-1, 3)


def span_f1(counts):
    """Micro-averaged F1, in [0, 1], of what `span_counts` returned."""
    right, told, true = np.sum(counts, axis=0)
    return float(2 * right / max(told + true, 1))


def span_figures(true, told, types):
    """Figures of spans, all together and by type.

    Args:
        true: As for `span_counts`.
        told: Likewise.
        types: Names of the types.

    Returns:
        Dict of dicts of `precision`, `recall`, `f1`, in [0, 1], and `support`, the number of true
        spans: `"micro"` of all spans together, `"macro"` the mean over the types, and each type.

    Raises:
        ValueError: As `span_counts`.
    """
    parts = [("micro", None), *((name, i) for i, name in enumerate(types))]
    figures = {name: _figures(span_counts(true, told, kind)) for name, kind in parts}
    rows = [figures[name] for name in types]
    means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    return {**figures, "macro": {**means, "support": figures["micro"]["support"]}}


def _figures(counts):
    right, told, true = counts.sum(axis=0).tolist()
    return {
        "precision": right / max(told, 1),
        "recall": right / max(true, 1),
        "f1": span_f1(counts),
        "support": true,
    }


def _spans(tags, wanted):
    """`(type, first word, word behind)` of every span of a text."""
    spans, start, kind = set(), None, None
    for place, tag in enumerate([*np.asarray(tags).tolist(), 0]):
        here = (tag + 1) // 2 - 1
        if kind is not None and (here != kind or tag % 2):
            spans.add((kind, start, place))
            kind = None
        if kind is None and here >= 0:
            start, kind = place, here
    return {span for span in spans if wanted is None or span[0] == wanted}
