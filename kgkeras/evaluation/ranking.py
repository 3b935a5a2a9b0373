"""Link prediction: ranks every true triple among its corruptions."""

import numpy as np

from kgkeras.checks import non_negative, one_of, positive_int
from kgkeras.evaluation.competitors import Competitors
from kgkeras.evaluation.plain_tables import as_tables
from kgkeras.evaluation.queries import Queries
from kgkeras.evaluation.ranks import Ranks, SideRanks
from kgkeras.evaluation.score_plan import ScorePlan
from kgkeras.evaluation.true_triples import SIDES, TrueTriples, as_triples, as_true_triples
from kgkeras.ops.ranking import TOLERANCE


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
            takes to score one candidate for one query; `scores_all`, False if absent, whether
            some candidates take as long as all. A method `as_tables`, if there is one, gives the
            model that is asked: see `LinkPredictor.as_tables`.
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
        self._tables = tables = as_tables(model)
        self._plan = plan = ScorePlan.make(tables, positive_int("memory", memory))
        tolerance = non_negative("tolerance", tolerance)
        self._competitors = {side: Competitors(tables, side, plan, tolerance) for side in SIDES}

    def rank(self, triples, known, *, sides="both"):
        """`Ranks` of triples; arguments as for the function `rank`."""
        self._tables = as_tables(self.model, self._tables)
        triples = _checked(as_triples(triples), self.model)
        known = TrueTriples() if known is None else as_true_triples(known)
        chosen = SIDES if one_of("sides", sides, ("both", *SIDES)) == "both" else (sides,)
        return Ranks(triples, {side: self._rank_side(triples, known, side) for side in chosen})

    def _rank_side(self, triples, known, side):
        """The `SideRanks` of all triples."""
        head, relation, tail = np.ascontiguousarray(triples.T, dtype="int32")
        anchor, target = (head, tail) if side == "tail" else (tail, head)
        asked = Queries(anchor, relation, target)
        is_known = known.contains(triples)
        known_query, known_entity = known.answers(side, asked.anchor, asked.relation)
        _check_known(known_entity, self.model)
        above, reached = np.zeros((2, len(triples)), "int64")
        for block in asked.blocks(self._plan.rows):
            first, last = np.searchsorted(known_query, (block.start, block.stop))
            row, entity = known_query[first:last] - block.start, known_entity[first:last]
            answers = asked.order[block.first : block.last]
            counts = self._competitors[side].count(block, row, entity, is_known[answers])
            above[answers], reached[answers] = counts
        others = np.empty(len(triples), "int64")
        others[asked.order] = np.bincount(known_query, minlength=len(asked.anchor))[asked.query]
        total = self.model.num_entities - others + is_known
        return SideRanks(1 + above, 1 + reached, total)


def _check_known(entities, model):
    if entities.size and entities.max() >= model.num_entities:
        raise ValueError(
            f"`known` must be about the model's {model.num_entities} entities. "
            f"Received: a triple of entity {entities.max()}."
        )


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
