"""Adds up what several link predictors say."""

import numpy as np
from keras import ops

from kgkeras.checks import describe, rate
from kgkeras.models.named_answers import NamedAnswers


class EnsemblePredictor(NamedAnswers):
    """`sum_m weight_m score_m(h, r, t)`: late fusion, such as of structure and of texts.

    Its members are asked as they are, and nothing is learned here: weights are to be chosen on
    validation facts. Members that were trained by cross-entropy score by logarithms of
    probabilities, so weights near 1 suit them. It is ranked and exported as a `LinkPredictor` is;
    saved are its members.

    Texts and vectors that know little else find an entity most like itself. Of a relation that
    relates no entity to itself, the entity that is asked about need not be a candidate.

    Args:
        members: `LinkPredictor`s, `PathPredictor`s or `TextIndex`es over the same entities and
            relations, at least one.
        weights: A number for each; 1 where None.
        irreflexive: Boolean array `(num_relations,)`: where True, an entity is no answer to a query
            about itself (its score is minus infinity); `irreflexive_relations` finds them. None
            for no relation.
        vocabulary: `models.Vocabulary`; that of the first member that has one where None.

    Raises:
        ValueError: If members are of different sizes or entities, or numbers do not fit them.

    Example:
    ```python
    both = EnsemblePredictor([structure, bi_encoder.index(texts)], [1.0, 0.7])
    ranks = evaluation.rank(both, splits.test, splits)
    ```
    """

    def __init__(self, members, weights=None, *, irreflexive=None, vocabulary=None):
        self.members = tuple(members)
        self.num_entities, self.num_relations = _same_sizes(self.members)
        _check_same_names(self.members)
        self.weights = _checked("weights", weights, np.ones(len(self.members)), "members")
        none = np.zeros(self.num_relations, "bool")
        self.irreflexive = _checked("irreflexive", irreflexive, none, "relations")
        named = (m.vocabulary for m in self.members if m.vocabulary is not None)
        vocabulary = vocabulary or next(named, None)
        self.vocabulary = vocabulary and vocabulary.of_sizes(self.num_entities, self.num_relations)

    @staticmethod
    def irreflexive_relations(graph, tolerance=0.0):
        """The relations that relate no entity of a graph to itself: bool `(num_relations,)`.

        Args:
            graph: `kg.KnowledgeGraph` of the training facts, without inverse relations.
            tolerance: Share of a relation's facts that may do so nevertheless, in `[0, 1)`.
        """
        tolerance = rate("tolerance", tolerance)
        head, relation, tail = graph.triples.T
        all_facts, own = (
            np.bincount(rows, minlength=graph.num_relations)
            for rows in (relation, relation[head == tail])
        )
        return own <= tolerance * all_facts

    @property
    def variables(self):
        """What the answers depend on."""
        return [variable for member in self.members for variable in member.variables]

    @property
    def bytes_per_score(self):
        """Memory that scoring one candidate for one query takes, about."""
        return sum(getattr(member, "bytes_per_score", 4) for member in self.members)

    @property
    def scores_all(self):
        """Whether scoring some candidates takes a member as long as all."""
        return any(getattr(member, "scores_all", False) for member in self.members)

    @property
    def by_product(self):
        """Whether all members score many queries in one matrix product."""
        return all(getattr(member, "by_product", False) for member in self.members)

    def as_tables(self, into=None):
        """An ensemble of what `as_tables` of the members gives; `into` as there."""
        before = [None] * len(self.members) if into is None else into.members
        members = [
            member.as_tables(old) if hasattr(member, "as_tables") else member
            for member, old in zip(self.members, before, strict=True)
        ]
        if into is not None:
            return into
        arguments = {"irreflexive": self.irreflexive, "vocabulary": self.vocabulary}
        return type(self)(members, self.weights, **arguments)

    def score(self, head, relation, tail):
        """Scores of triples of ids, integer tensors that broadcast: float32 of their shape."""
        head, relation, tail = (ops.convert_to_tensor(ids) for ids in (head, relation, tail))
        scores = self._sum(member.score(head, relation, tail) for member in self.members)
        return self._without_own(scores, relation, head == tail)

    def score_tails(self, head, relation, candidates=None):
        """Scores of queries `(head, relation, ?)`.

        Args:
            head: Entity ids `(queries,)`.
            relation: Relation ids `(queries,)`, inverse ones included.
            candidates: Entity ids `(candidates,)`; all entities where None.

        Returns:
            Float32 tensor `(queries, candidates)`.
        """
        scores = self._sum(m.score_tails(head, relation, candidates) for m in self.members)
        return self._without_asked(scores, head, relation, candidates)

    def score_heads(self, candidates, relation, tail):
        """Scores of queries `(?, relation, tail)`; otherwise as `score_tails`."""
        scores = self._sum(m.score_heads(candidates, relation, tail) for m in self.members)
        return self._without_asked(scores, tail, relation, candidates)

    def score_relations(self, head, tail):
        """Scores `(queries, num_relations)` of every relation between heads and tails."""
        head, tail = ops.convert_to_tensor(head), ops.convert_to_tensor(tail)
        scores = self._sum(member.score_relations(head, tail) for member in self.members)
        relations = ops.expand_dims(ops.arange(self.num_relations), 0)
        return self._without_own(scores, relations, ops.expand_dims(head == tail, 1))

    def _sum(self, scores):
        weighted = zip(self.weights, scores, strict=True)
        return sum(float(weight) * ops.cast(values, "float32") for weight, values in weighted)

    def _without_asked(self, scores, asked, relation, candidates):
        """Scores `(queries, candidates)` without those of the entities that are asked about."""
        asked, relation = (ops.expand_dims(ops.convert_to_tensor(i), 1) for i in (asked, relation))
        ids = ops.arange(self.num_entities) if candidates is None else candidates
        own = ops.expand_dims(ops.cast(ids, asked.dtype), 0) == asked
        return self._without_own(scores, relation, own)

    def _without_own(self, scores, relation, own):
        """Scores where what is asked about (`own`) is no answer, as far as its relation says so."""
        # An inverse relation is as its original.
        both = np.concatenate([self.irreflexive, self.irreflexive])
        left_out = ops.logical_and(own, ops.take(ops.convert_to_tensor(both), relation))
        return ops.where(left_out, ops.full((), -float("inf"), scores.dtype), scores)


def _same_sizes(members):
    sizes = {(member.num_entities, member.num_relations) for member in members}
    if len(sizes) != 1:
        raise ValueError(
            "`members` must be at least one model, all of the same entities and relations. "
            f"Received: {len(members)} of (entities, relations) {sorted(sizes)}."
        )
    return sizes.pop()


def _check_same_names(members):
    """Raises a `ValueError` if members that have names have others, or in another order."""
    named = [m.vocabulary for m in members if m.vocabulary is not None]
    for names in named[1:]:
        for of in ("entities", "relations"):
            mine, other = getattr(named[0], of), getattr(names, of)
            if mine != other:
                place = next(i for i, name in enumerate(mine) if name != other[i])
                raise ValueError(
                    f"`members` must know the same {of} in the same order. Received: "
                    f"{mine[place]!r} and {other[place]!r} at place {place}."
                )


def _checked(name, values, default, of):
    """`values` as an array like `default`, which stands for None."""
    if values is None:
        return default
    found = np.asarray(values)
    if found.shape != default.shape or not np.isfinite(found.astype("float64")).all():
        raise ValueError(
            f"`{name}` must be {len(default)} numbers, one for each of the {of}. "
            f"{describe(values)}."
        )
    return found.astype(default.dtype)
