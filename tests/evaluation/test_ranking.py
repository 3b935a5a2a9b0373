import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import evaluation, scorers
from tests.evaluation.worlds import BulkyModel, TableModel, random_world, slow_ranks

TIES = ("mean", "optimistic", "pessimistic")


def _same(one, other):
    for side in ("tail", "head"):
        for field in ("optimistic", "pessimistic", "candidates"):
            np.testing.assert_array_equal(
                getattr(one.sides[side], field), getattr(other.sides[side], field)
            )


@pytest.mark.parametrize("model", [TableModel, BulkyModel])
@pytest.mark.parametrize("seed", [0, 1])
def test_agrees_with_one_list_for_each_triple(model, seed):
    table, train, valid, test = random_world(seed)
    known = np.concatenate([train, valid, test])
    ranks = evaluation.rank(model(table), test, known)
    for side in ("tail", "head"):
        for ties in TIES:
            expected = slow_ranks(table, test, known, side, ties)
            np.testing.assert_array_equal(ranks.ranks(side, ties), expected)
    assert ranks.unseen(train) > 0


@pytest.mark.parametrize("known", ["train", "none"])
def test_answers_that_are_not_known_compete(known):
    table, train, _, test = random_world(2)
    known = train if known == "train" else None
    ranks = evaluation.rank(TableModel(table), test, known)
    for side in ("tail", "head"):
        expected = slow_ranks(table, test, train if known is not None else [], side, "mean")
        np.testing.assert_array_equal(ranks.ranks(side), expected)


@pytest.mark.parametrize("model", [TableModel, BulkyModel])
@pytest.mark.parametrize("memory", [10**4, 10**6])
def test_memory_changes_nothing(model, memory):
    table, train, valid, test = random_world(3)
    known = evaluation.TrueTriples(train, valid, test)
    whole = evaluation.rank(TableModel(table), test[:6], known)
    _same(evaluation.rank(model(table), test[:6], known, memory=memory), whole)


def test_memory_bounds_what_is_asked_of_the_model():
    table, train, _, test = random_world(4)
    candidates = []

    class Watched(BulkyModel):
        def _all(self, chosen):
            candidates.append(self.num_entities if chosen is None else chosen.shape[0])
            return super()._all(chosen)

    tf.config.run_functions_eagerly(True)
    try:
        evaluation.rank(Watched(table), test, train, memory=12_000_000, sides="tail")
    finally:
        tf.config.run_functions_eagerly(False)
    # The 40 answers; then 598 scores at a time, at least 64 queries with as many as 9 candidates.
    assert set(candidates) == {40, 9, 5}


def test_sides_are_consistent():
    table, train, _, test = random_world(5)
    both = evaluation.rank(TableModel(table), test, train)
    for side in ("tail", "head"):
        one = evaluation.rank(TableModel(table), test, train, sides=side)
        np.testing.assert_array_equal(one.ranks(), both.ranks(side))
        figures = {f"{side}_{name}": value for name, value in one.metrics().items()}
        assert figures.items() <= both.metrics().items()
    mirrored = TableModel(np.swapaxes(table, 0, 2))
    turned = evaluation.rank(mirrored, test[:, ::-1], train[:, ::-1])
    np.testing.assert_array_equal(turned.ranks("head"), both.ranks("tail"))


def test_a_constant_scorer_is_chance_and_the_answers_are_perfect():
    *_, test = random_world(6)
    constant = evaluation.rank(TableModel(np.zeros((23, 3, 23))), test, test)
    candidates = np.concatenate([constant.sides[side].candidates for side in ("tail", "head")])
    np.testing.assert_array_equal(constant.ranks(), (candidates + 1) / 2)
    assert constant.metrics()["amri"] == 0
    assert constant.metrics()["hits@1"] == 0
    assert constant.metrics()["optimistic_mrr"] == 1
    np.testing.assert_allclose(constant.metrics()["mrr"], 2 / 24, rtol=0.1)
    told = np.zeros((23, 3, 23))
    told[tuple(test.T)] = 1
    perfect = evaluation.rank(TableModel(told), test, test).metrics()
    assert perfect["mrr"] == perfect["amri"] == perfect["hits@1"] == perfect["pessimistic_mrr"] == 1


class Vectors:
    """A bilinear model of float vectors, some entities with the same one."""

    num_entities, num_relations = 300, 4

    def __init__(self):
        rng = np.random.default_rng(0)
        vectors = rng.normal(size=(self.num_entities, 64)).astype("float32")
        vectors[150:] = vectors[:150]
        self.entities = keras.Variable(vectors)
        self.relations = keras.Variable(rng.normal(size=(4, 64)).astype("float32"))
        self.variables = [self.entities, self.relations]
        self.scorer = scorers.ComplEx()

    def _entity(self, ids):
        table = keras.ops.convert_to_tensor(self.entities)
        return table if ids is None else keras.ops.take(table, ids, axis=0)

    def score_tails(self, head, relation, candidates=None):
        relation = keras.ops.take(self.relations, relation, axis=0)
        return self.scorer.score_tails(self._entity(head), relation, self._entity(candidates))

    def score_heads(self, candidates, relation, tail):
        relation = keras.ops.take(self.relations, relation, axis=0)
        return self.scorer.score_heads(self._entity(candidates), relation, self._entity(tail))


def test_equal_vectors_tie_however_the_candidates_are_cut():
    rng = np.random.default_rng(1)
    test = np.stack([rng.integers(0, n, 90) for n in (300, 4, 300)], axis=1)
    model = Vectors()
    whole = evaluation.rank(model, test, None)
    assert all(np.all(r.pessimistic - r.optimistic == 1) for r in whole.sides.values())
    model.bytes_per_score = 10_000
    for memory in (3 * 10**7, 10**8):
        _same(evaluation.rank(model, test, None, memory=memory), whole)


def test_training_between_two_rankings_is_seen():
    model, test = Vectors(), np.array([[0, 0, 1], [2, 1, 3]])
    before = evaluation.rank(model, test, None).ranks()
    model.relations.assign(-model.relations)
    after = evaluation.rank(model, test, None).ranks()
    np.testing.assert_array_equal(before + after, 301)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"triples": np.zeros((0, 3), int)}, "at least one triple to rank"),
        ({"triples": np.array([[0, 0, 0], [0, 3, 0]])}, "relation in row 1 must be below 3.*3"),
        ({"triples": np.array([[0, 0, 23]])}, "tail in row 0 must be below 23.*Received: 23"),
        ({"known": np.array([[0, 0, 23]])}, "the model's 23 entities.*triple of entity 23"),
        ({"sides": "left"}, "`sides` must be one of 'both', 'tail', 'head'. Received: 'left'"),
        ({"memory": 0}, "`memory` must be a positive integer"),
        ({"tolerance": -1.0}, "`tolerance` must be finite and at least 0"),
    ],
)
def test_errors(arguments, message):
    arguments = {"triples": np.array([[0, 0, 0]]), **arguments}
    with pytest.raises(ValueError, match=message):
        evaluation.rank(TableModel(np.zeros((23, 3, 23))), **{"known": None, **arguments})


@pytest.mark.parametrize("model", [TableModel, BulkyModel])
def test_nan_is_refused(model):
    table = np.zeros((23, 3, 23))
    table[4, 1, 7] = np.nan
    with pytest.raises(ValueError, match=r"Scores must be numbers. Received: NaN"):
        evaluation.rank(model(table), np.array([[0, 0, 0], [4, 1, 9]]), None, memory=10**6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_scores_are_numbers_however_many(dtype):
    class Half(TableModel):
        def score_tails(self, head, relation, candidates):
            return tf.cast(super().score_tails(head, relation, candidates), dtype)

    table = np.full((5000, 1, 5000), 50.0, "float32")
    table[:, :, 4000:] = -50
    ranks = evaluation.rank(Half(table), np.array([[0, 0, 4500]]), None, sides="tail")
    assert ranks.ranks("tail")[0] == 4000 + 1001 / 2
