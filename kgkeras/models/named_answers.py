"""Questions to a link predictor by name."""

from typing import NamedTuple

import numpy as np
from keras import ops

from kgkeras.checks import describe, positive_int
from kgkeras.models.vocabulary import Vocabulary
from kgkeras.ops import ranks_from_scores


class Answer(NamedTuple):
    """One answer: an identifier, the name to show, and its score (higher is more plausible)."""

    identifier: str
    name: str
    score: float


class NamedAnswers:
    """The part of a link predictor that speaks in names.

    What it is mixed into has a `vocabulary`, `num_entities` and `num_relations`, and scores ids.
    """

    def top_tails(self, head, relation, k=10, *, known=None):
        """The `k` most plausible answers to `(head, relation, ?)`, best first.

        Args:
            head: Identifier, or a name that no other entity has.
            relation: Identifier.
            k: Number of answers.
            known: `kg.KnowledgeGraph` whose own answers are left out; None leaves none out.

        Returns:
            List of `Answer`s.

        Raises:
            ValueError: If a name is unknown, or there are fewer than `k` answers.
        """
        head, relation = self.names.entity_id(head), self.names.relation_id(relation)
        scores = self.score_tails(*_ids(head, relation))[0]
        return self._best(scores, k, _completions(known, "tail", head, relation))

    def top_heads(self, relation, tail, k=10, *, known=None):
        """The `k` most plausible answers to `(?, relation, tail)`; otherwise as `top_tails`."""
        relation, tail = self.names.relation_id(relation), self.names.entity_id(tail)
        scores = self.score_heads(None, *_ids(relation, tail))[0]
        return self._best(scores, k, _completions(known, "head", tail, relation))

    def top_relations(self, head, tail, k=5):
        """The `k` most plausible relations from `head` to `tail`, best first.

        Raises:
            ValueError: If a name is unknown, or there are fewer than `k` relations.
        """
        ids = _ids(self.names.entity_id(head), self.names.entity_id(tail))
        scores = np.asarray(self.score_relations(*ids))[0]
        relations = self.names.relations
        return [
            Answer(relations[i], relations[i], float(scores[i]))
            for i in _largest(scores, k, "relations")
        ]

    def rank(self, head, relation, tail, *, known=None):
        """The ranks, from 1, of a fact's head and tail among all entities.

        Args:
            head: Identifier, or a name that no other entity has.
            relation: Identifier.
            tail: As `head`.
            known: `kg.KnowledgeGraph` whose other answers do not count; None counts all.

        Returns:
            `(head rank, tail rank)`: floats, as equal scores count half.
        """
        head, tail = self.names.entity_id(head), self.names.entity_id(tail)
        relation = self.names.relation_id(relation)

        def rank(scores, answer, side, given):
            others = np.setdiff1d(_completions(known, side, given, relation), [answer])
            others = others[None, :].astype("int32")
            return float(np.asarray(ranks_from_scores(scores, np.array([answer]), others))[0])

        heads = self.score_heads(None, *_ids(relation, tail))
        tails = self.score_tails(*_ids(head, relation))
        return rank(heads, head, "head", tail), rank(tails, tail, "tail", head)

    @property
    def names(self):
        """The vocabulary, or `ValueError` where there is none."""
        if self.vocabulary is None:
            raise ValueError(
                "Questions by name need a vocabulary: give `vocabulary=` to the model, or make it "
                "by `from_graph`. Received: a model without one."
            )
        return self.vocabulary

    def save_assets(self, folder):
        """Called by Keras: the names go into the `.keras` file."""
        if self.vocabulary is not None:
            self.vocabulary.save(folder)

    def load_assets(self, folder):
        """Called by Keras when a `.keras` file is loaded; without a folder if it holds no names."""
        if folder is None:
            return
        self.vocabulary = Vocabulary.load(folder).of_sizes(self.num_entities, self.num_relations)

    def _best(self, scores, k, left_out):
        scores = np.array(ops.convert_to_numpy(scores), dtype="float64")
        scores[np.asarray(left_out, dtype="int64")] = np.nan
        names = self.names
        return [
            Answer(names.entities[i], names.entity_names[i], float(scores[i]))
            for i in _largest(scores, k, "entities")
        ]


def _ids(*values):
    return tuple(np.array([value], dtype="int32") for value in values)


def _completions(graph, side, entity, relation):
    """The entities that complete a query in `graph`; none where there is no graph."""
    if graph is None:
        return np.zeros(0, dtype="int32")
    if not hasattr(graph, "triples"):
        raise ValueError(f"`known` must be a kg.KnowledgeGraph. {describe(graph)}.")
    head, of, tail = graph.triples.T
    given, asked = (head, tail) if side == "tail" else (tail, head)
    return asked[(given == entity) & (of == relation)]


def _largest(scores, k, kind):
    """Places of the `k` largest scores, best first; NaN stands for what is left out."""
    k, available = positive_int("k", k), int(np.sum(~np.isnan(scores)))
    if k > available:
        raise ValueError(
            f"`k` must be at most {available}, the {kind} to choose from. {describe(k)}."
        )
    scores = np.where(np.isnan(scores), -np.inf, scores)
    best = np.argpartition(-scores, k - 1)[:k]
    return best[np.argsort(-scores[best], kind="stable")]
