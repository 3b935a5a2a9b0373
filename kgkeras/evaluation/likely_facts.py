"""The facts that a graph misses, as far as a model of it can tell."""

import numpy as np
from keras import ops

from kgkeras.checks import positive_int
from kgkeras.evaluation.plain_tables import as_tables
from kgkeras.ops import compiled


def likely_facts(model, known, least=0.1, batch_size=256, *, answered=True, most=None):
    """Facts that are not known, but likely tails of an entity and a relation.

    A tail's probability is its share in `softmax(score(head, relation, all entities))`, which is
    what a cross-entropy loss teaches. Asked about are all pairs of a relation and a head that some
    known fact has as its head, of whatever relation; without those that some known fact answers,
    where `answered` is False.

    Args:
        model: `models.LinkPredictor`, or whatever has `score_tails(head, relation, None)`.
        known: `kg.KnowledgeGraph` of the known facts, without inverse relations.
        least: Facts of lower probability are left out, in `(0, 1]`.
        batch_size: Heads that are asked about at once: as many rows of scores of all entities.
        answered: Whether more answers are looked for where there is one. As a rule a film without a
            known year has one that is missing; one with a year has no second.
        most: As many tails of a relation and a head at most, the likeliest; None for all. Known
            tails count.

    Returns:
        `(facts, probabilities)`: int32 array `(n, 3)` and float32 array `(n,)`.

    Raises:
        ValueError: If an argument does not fit, or a score is NaN.
    """
    if not 0 < least <= 1:
        raise ValueError(f"`least` must be above 0 and at most 1. Received: {least}.")
    batch_size = positive_int("batch_size", batch_size)
    most = known.num_entities if most is None else positive_int("most", most)
    model = as_tables(model)
    score = compiled(
        lambda head, relation: ops.softmax(model.score_tails(head, relation, None)),
        getattr(model, "variables", ()),
    )
    all_heads = np.unique(known.triples[:, 0]).astype("int32")
    found = [(np.zeros((0, 3), "int32"), np.zeros(0, "float32"))]
    for relation in range(known.num_relations):
        heads = all_heads
        if not answered:
            own = known.triples[known.triples[:, 1] == relation, 0]
            heads = np.setdiff1d(all_heads, own)
        for start in range(0, len(heads), batch_size):
            batch = heads[start : start + batch_size]
            padded = np.pad(batch, (0, batch_size - len(batch)), mode="edge")
            shares = score(padded, np.full(batch_size, relation, "int32"))
            shares = ops.convert_to_numpy(shares)[: len(batch)]
            if np.isnan(shares).any():
                raise ValueError(f"Scores must be numbers. Received: NaN for relation {relation}.")
            row, tail = _largest(shares, least, most)
            facts = np.stack([batch[row], np.full_like(batch[row], relation), tail], axis=1)
            found.append((facts.astype("int32"), shares[row, tail]))
    facts, shares = (np.concatenate(column) for column in zip(*found, strict=True))
    new = ~np.isin(_keys(known, facts), _keys(known, known.triples))
    return facts[new], shares[new]


def _largest(shares, least, most):
    """Row and column of up to `most` numbers a row that are at least `least`."""
    if most >= shares.shape[1]:
        return np.nonzero(shares >= least)
    columns = np.argpartition(-shares, most - 1, axis=1)[:, :most]
    row, place = np.nonzero(np.take_along_axis(shares, columns, axis=1) >= least)
    return row, columns[row, place]


def _keys(graph, facts):
    """One number a fact."""
    head, relation, tail = facts.T.astype("int64")
    return (head * graph.num_relations + relation) * graph.num_entities + tail
