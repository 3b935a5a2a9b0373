"""Queries of a head and a relation: what they hide, and how plausible ends are."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import agents, models, scorers
from tests.agents import worlds


@pytest.fixture(scope="module")
def graph():
    """Some heads have several answers."""
    graph = worlds.families()[0]
    more = [(0, worlds.NOISE, tail) for tail in (3, 9, 14)]
    return graph.with_triples(np.unique(np.concatenate([graph.triples, more]), axis=0))


def answers(graph, head, relation):
    told = graph.with_inverses().triples.tolist()
    return sorted({t for h, r, t in told if (h, r) == (head, relation)})


def test_the_environment_tells_answers(graph):
    environment = agents.GraphEnvironment.from_graph(graph)
    head, relation = (x.ravel() for x in np.mgrid[: graph.num_entities, : 2 * graph.num_relations])
    found = environment.answers(head, relation).to_list()
    pairs = zip(head.tolist(), relation.tolist(), strict=True)
    assert found == [answers(graph, *pair) for pair in pairs]
    known = environment.knows(head[:, None], relation[:, None], np.arange(graph.num_entities))
    for row, tails in enumerate(found):
        assert np.flatnonzero(known[row]).tolist() == tails


def reasoner(graph, new_only=True, **options):
    model = worlds.reasoner(graph, **options)
    model.queries = agents.RelationQueries(new_only)
    return model


def test_walks_end_at_what_is_new(graph):
    model = reasoner(graph, walks=200)
    triples = np.array([[0, worlds.NOISE, 9], [9, worlds.NOISE + 4, 0]], "int32")
    walk = model.walk(worlds.queries(triples), model.learner.choose, walks=200, training=True)
    ends = walk.end.numpy().reshape(2, 200)
    for row, (head, relation, tail) in enumerate(triples.tolist()):
        known = set(answers(graph, head, relation)) - {tail}
        # Where there is nothing else to do, walkers stay.
        stayed = walk.relations.numpy().reshape(2, 200, -1)[row, :, -1] == model.environment.stay
        assert not known & set(ends[row, ~stayed].tolist())
        assert tail in ends[row]
    counts = model.rewards(walk)[1].numpy().reshape(2, 200)
    assert (counts[0] == ~np.isin(ends[0], [3, 14])).all()


def test_search_leaves_out_what_is_known(graph):
    keras.utils.set_random_seed(0)
    model, plain = reasoner(graph), reasoner(graph, new_only=False)
    plain.set_weights(model.get_weights())
    scores, others = (m.score_tails([0], [worlds.NOISE]).numpy()[0] for m in (model, plain))
    known = answers(graph, 0, worlds.NOISE)
    assert (scores[known] < -60).all()
    assert (others[known] > -20).any()
    # What is left of the last step's probability goes to the others.
    rest = np.setdiff1d(np.arange(graph.num_entities), known)
    assert (scores[rest] >= others[rest] - 1e-5).all()
    assert (scores[rest] > others[rest] + 1e-3).any()
    config = model.queries.get_config()
    assert agents.RelationQueries.from_config(config).new_only


def test_plausibility_is_odds_against_the_best_new_answer(graph):
    model = reasoner(graph)
    shaping = models.LinkPredictor.from_graph(graph, scorers.DistMult(), dim=4)
    triples = np.array([[0, worlds.NOISE, 9], [1, worlds.FIRST, 5]], "int32")
    asked = worlds.queries(triples)
    found = model.queries.plausibility(shaping, model.environment, asked).numpy()
    scores = shaping.score_tails(triples[:, 0], triples[:, 1]).numpy()
    for row, (head, relation, _) in enumerate(triples.tolist()):
        known = answers(graph, head, relation)
        wanted = np.exp(scores[row] - np.delete(scores[row], known).max())
        wanted[known] = 0
        np.testing.assert_allclose(found[row], wanted, rtol=1e-5)


def test_answers_are_wanted(graph):
    model = worlds.reasoner(graph)
    model.compile("sgd")
    with pytest.raises(ValueError, match=r"`x` must have 'tail', the answers\. Received: "):
        model.train_on_batch({"head": tf.constant([0]), "relation": tf.constant([0])})
