"""Weights of supposed facts against their formula, and walks along them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import graph, kg, layers, scorers

ENTITIES, RELATIONS, DIM = 8, 2, 4


def _graph(facts):
    names = [[f"{kind}{i}" for i in range(n)] for kind, n in (("e", ENTITIES), ("r", RELATIONS))]
    return kg.KnowledgeGraph(*names, np.array(facts, "int32"))


SUPPOSED = [(3, 1, 4), (0, 0, 5), (4, 1, 3), (0, 1, 2)]
VOTES = np.array([0.25, 1.0, 2.0, 0.5])


def _triples(seed=0):
    keras.utils.set_random_seed(seed)
    spread = keras.initializers.RandomNormal(stddev=1.0)
    return layers.TripleEmbedding.from_sizes(ENTITIES, RELATIONS, DIM, initializer=spread)


def _supposed(triples, **arguments):
    return graph.SupposedFacts.from_graph(
        _graph(SUPPOSED), triples, scorers.ComplEx(), VOTES, **arguments
    )


def _weight(triples, fact, votes, limit, trust=2.0):
    """`limit * sigmoid(Re<h, r, conj(t)> + trust log(votes))`."""
    entities, relations = (np.asarray(t.table) for t in (triples.entities, triples.relations))
    h, r, t = (
        row[: DIM // 2] + 1j * row[DIM // 2 :]
        for row in (entities[fact[0]], relations[fact[1]], entities[fact[2]])
    )
    score = np.sum(h * r * t.conj()).real
    return limit / (1 + np.exp(-(score + trust * np.log(votes))))


def test_weights_are_their_formula_from_both_ends():
    triples = _triples()
    layer = _supposed(triples, limit=0.7, trust=1.5)
    columns = layer(tf.constant([0, 4, 7]))
    found = {
        (owner, relation, tail): weight
        for owner, relation, tail, weight in zip(
            *(c.numpy().tolist() for c in columns), strict=True
        )
    }
    # Owner 1 asks for entity 4: the tail of the first fact and the head of the third.
    expected = {(0, 0, 5): 1, (0, 1, 2): 3, (1, 1, 3): 2, (1, 1 + RELATIONS, 3): 0}
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        wanted = _weight(triples, SUPPOSED[row], VOTES[row], 0.7, 1.5)
        np.testing.assert_allclose(found[key], wanted, rtol=1e-5)


def test_some_are_walked_one_way():
    triples = _triples()
    layer = _supposed(triples, one_way=np.array([True, False, False, False]))
    owner, relation, tail, weight = (c.numpy() for c in layer(tf.constant([3, 4, 5])))
    # From 3 its own and the inverse of another's; from 4 only its own; from 5 an inverse.
    found = list(zip(owner.tolist(), relation.tolist(), tail.tolist(), strict=True))
    inverse = RELATIONS
    assert sorted(found) == [(0, 1, 4), (0, 1 + inverse, 4), (1, 1, 3), (2, inverse, 0)]
    place = found.index((2, inverse, 0))
    np.testing.assert_allclose(
        weight[place], _weight(triples, SUPPOSED[1], VOTES[1], 0.5), rtol=1e-5
    )


def _walk(supposed, told=((0, 0, 1), (1, 1, 4)), hops=1, **arguments):
    index = graph.FactIndex.from_graph(_graph(list(told)).with_inverses())
    return graph.RelationWalk(index, hops, k=6, threshold=0.0, supposed=supposed, **arguments)


def _ones(hops):
    return tf.ones((1, hops, 2 * RELATIONS)), tf.one_hot([hops - 1], hops)


def test_walks_go_along_both_and_told_facts_come_first():
    triples = _triples()
    outputs = _walk(_supposed(triples))(tf.constant([[0]]), *_ones(1))
    answers, scores = outputs["answers"].numpy()[0], outputs["scores"].numpy()[0]
    assert answers[0] == 1
    assert scores[0] == 1
    weights = {5: _weight(triples, (0, 0, 5), 1.0, 0.5), 2: _weight(triples, (0, 1, 2), 0.5, 0.5)}
    assert set(answers[1:3]) == set(weights)
    for answer, score in zip(answers[1:3], scores[1:3], strict=True):
        np.testing.assert_allclose(score, weights[answer], rtol=1e-5)
    assert (answers[3:] == -1).all()
    assert outputs["supposed"].numpy()[0, :, 0].tolist() == [False, True, True, False, False, False]


def test_two_hops_multiply_and_the_facts_are_told():
    triples = _triples()
    outputs = _walk(_supposed(triples), hops=2)(tf.constant([[1]]), *_ones(2))
    answers = outputs["answers"].numpy()[0].tolist()
    place = answers.index(3)  # 1 to 4 is told, 4 to 3 is supposed, twice
    both = _weight(triples, (4, 1, 3), 2.0, 0.5) + _weight(triples, (3, 1, 4), 0.25, 0.5)
    np.testing.assert_allclose(outputs["scores"].numpy()[0, place], both, rtol=1e-5)
    assert outputs["facts"].numpy()[0, place, 0].tolist() == [1, 1, 4]
    assert outputs["facts"].numpy()[0, place, 1, [0, 2]].tolist() == [4, 3]
    assert outputs["supposed"].numpy()[0, place].tolist() == [False, True]


def test_gradients_reach_vectors():
    triples = _triples()
    walk = _walk(_supposed(triples))
    with tf.GradientTape() as tape:
        score = tf.reduce_sum(walk(tf.constant([[0]]), *_ones(1))["scores"])
    variables = walk.trainable_variables
    assert len(variables) == 2  # the tables
    for gradient in tape.gradient(score, variables):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0


def test_without_supposed_facts_nothing_changes():
    alone = _walk(None)(tf.constant([[0]]), *_ones(1))
    assert alone["answers"].numpy()[0].tolist() == [1, -1, -1, -1, -1, -1]


def test_configuration_and_variables_are_all_there_is():
    walk = _walk(_supposed(_triples(), limit=0.9, trust=0.5))
    expected = walk(tf.constant([[0]]), *_ones(1))
    again = graph.RelationWalk.from_config(walk.get_config())
    again(tf.constant([[0]]), *_ones(1))
    for new, old in zip(again.variables, walk.variables, strict=True):
        new.assign(old)
    for name, values in again(tf.constant([[0]]), *_ones(1)).items():
        np.testing.assert_array_equal(values, expected[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"limit": 0.0}, "above 0 and at most 1"),
        ({"trust": -1.0}, "`trust` must be"),
        ({"votes": np.array([1.0, 2.0])}, "8 positive numbers"),
        ({"votes": np.array([1.0] * 7 + [0.0])}, "8 positive numbers"),
        ({"facts": "facts"}, "must be a graph.FactIndex"),
        ({"triples": "triples"}, "must be a layers.TripleEmbedding"),
        ({"triples": layers.TripleEmbedding.from_sizes(8, 3, 4)}, "must have 6 relations"),
    ],
)
def test_what_does_not_fit(change, message):
    whole = _supposed(_triples())
    arguments = {
        "facts": whole.facts,
        "triples": whole.triples,
        "scorer": whole.scorer,
        "votes": np.ones(8),
    }
    with pytest.raises(ValueError, match=message):
        graph.SupposedFacts(**{**arguments, **change})


def test_walks_refuse_what_is_not_of_their_graph():
    with pytest.raises(ValueError, match=r"must be graph\.SupposedFacts"):
        _walk("facts")
    index = graph.FactIndex(9, 4, 1, [[0, 0, 1]])
    with pytest.raises(ValueError, match="must have the num_entities of `facts`, 9"):
        graph.RelationWalk(index, 1, supposed=_supposed(_triples()))
