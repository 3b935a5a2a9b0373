"""Small models that keep the protocol of a link predictor, and the slow way to rank."""

import numpy as np
from keras import ops

from tests import reference


class TableModel:
    """Scores every triple by looking it up in an array `(heads, relations, tails)`."""

    def __init__(self, table):
        self.num_entities, self.num_relations, _ = table.shape
        self.table = np.asarray(table, "float32")

    def score(self, head, relation, tail):
        entities, relations = self.num_entities, self.num_relations
        return ops.take(
            ops.reshape(self.table, (-1,)), (head * relations + relation) * entities + tail
        )

    def score_tails(self, head, relation, candidates=None):
        return self.score(head[:, None], relation[:, None], self._all(candidates)[None])

    def score_heads(self, candidates, relation, tail):
        return self.score(self._all(candidates)[None], relation[:, None], tail[:, None])

    def _all(self, candidates):
        return ops.arange(self.num_entities) if candidates is None else candidates


class BulkyModel(TableModel):
    """Says that a score needs so much memory that candidates must be scored in pieces."""

    bytes_per_score = 10_000


def random_world(seed=0, entities=23, relations=3, facts=150, levels=6):
    """A model with many ties, and three times the facts; some entities have none in train."""
    rng = np.random.default_rng(seed)
    table = rng.integers(0, levels, (entities, relations, entities)).astype("float32") - levels / 2
    columns = [rng.integers(0, size, facts) for size in (entities - 3, relations, entities - 3)]
    train = np.stack(columns, axis=1)
    valid, test = (
        np.stack([rng.integers(0, size, 40) for size in (entities, relations, entities)], axis=1)
        for _ in range(2)
    )
    return table, train, valid, test


def slow_ranks(table, triples, known, side, ties, tolerance=1e-5):
    """Ranks by one list for each triple."""
    known = {tuple(triple) for triple in np.asarray(known).tolist()}
    ranks = []
    for h, r, t in np.asarray(triples).tolist():
        scores, target = (table[h, r], t) if side == "tail" else (table[:, r, t], h)
        triple = (lambda e: (h, r, e)) if side == "tail" else (lambda e: (e, r, t))  # noqa: B023
        left_out = {e for e in range(len(scores)) if triple(e) in known and e != target}
        ranks.append(reference.rank(list(scores), target, left_out, ties, tolerance))
    return ranks
