"""Precision, recall and F1 of spans, as CoNLL's evaluation counts them."""

import numpy as np


def span_figures(true, told, types):
    """Figures of spans, all together and by type.

    A span is right if its first word, its last and its type are.

    Args:
        true: Sequence of integer arrays, one a text: the tags of its words, see `ops.tag_spans`.
        told: As many, as long: a model's tags.
        types: Names of the types.

    Returns:
        Dict of dicts of `precision`, `recall`, `f1`, in [0, 1], and `support`, the number of true
        spans: `"micro"` of all spans together, `"macro"` the mean over the types, and each type.

    Raises:
        ValueError: If the numbers of texts, or of a text's words, differ.
    """
    if len(true) != len(told) or any(len(a) != len(b) for a, b in zip(true, told, strict=True)):
        raise ValueError(
            "`true` and `told` must be of the same texts, with a tag for each word. "
            f"Received: {len(true)} and {len(told)} texts."
        )
    wanted, found = _spans(true), _spans(told)
    parts = [("micro", None), *((name, i) for i, name in enumerate(types))]
    figures = {name: _figures(wanted, found, kind) for name, kind in parts}
    rows = [figures[name] for name in types]
    means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    return {**figures, "macro": {**means, "support": figures["micro"]["support"]}}


def _figures(wanted, found, kind):
    wanted, found = (
        {span for span in spans if kind is None or span[1] == kind} for spans in (wanted, found)
    )
    right = len(wanted & found)
    return {
        "precision": right / max(len(found), 1),
        "recall": right / max(len(wanted), 1),
        "f1": 2 * right / max(len(wanted) + len(found), 1),
        "support": len(wanted),
    }


def _spans(texts):
    """`(text, type, first word, word behind)` of every span."""
    spans = set()
    for number, tags in enumerate(texts):
        start = kind = None
        for place, tag in enumerate([*np.asarray(tags).tolist(), 0]):
            here = (tag + 1) // 2 - 1
            if kind is not None and (here != kind or tag % 2):
                spans.add((number, kind, start, place))
                kind = None
            if kind is None and here >= 0:
                start, kind = place, here
    return spans
