"""Answers about entities that were read once, and ranks, beside NumPy's own computation."""

import numpy as np
import pytest
import tensorflow as tf

from kgkeras import evaluation
from tests import lands


@pytest.fixture(scope="module")
def world():
    facts = lands.graph()
    return facts, lands.texts(facts)


def test_answers_and_ranks(world):
    facts, texts = world
    model = lands.model()
    index = model.index(texts, batch_size=7)
    table = model.encoder.get_layer("words").get_weights()[0]
    entities = lands.vectors(table, texts.entity_tokens, texts.entity_lengths)
    np.testing.assert_allclose(index.entity_vectors(), entities, rtol=1e-4, atol=1e-5)
    x = {
        name: tf.constant(facts.triples[:, i])
        for i, name in enumerate(("head", "relation", "tail"))
    }
    queries = lands.triple_vectors(model, texts, x)[0] / 0.05
    scores = queries @ entities.T
    np.testing.assert_allclose(
        model.score_tails(x["head"], x["relation"]), scores, rtol=1e-3, atol=1e-3
    )
    some = np.array([4, 9, 2])
    np.testing.assert_allclose(
        index.score_tails(x["head"], x["relation"], some), scores[:, some], rtol=1e-3, atol=1e-3
    )
    own = scores[np.arange(len(scores)), x["tail"]]
    np.testing.assert_allclose(model.score(**x), own, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(evaluation.score_triples(model, facts), own, rtol=1e-3, atol=1e-3)
    inverse = {**x, "head": x["tail"], "relation": x["relation"] + 2}
    heads = lands.triple_vectors(model, texts, inverse)[0] / 0.05 @ entities.T
    np.testing.assert_allclose(
        model.score_heads(None, x["relation"], x["tail"]), heads, rtol=1e-3, atol=1e-3
    )
    found = evaluation.rank(model, facts, None, tolerance=0.0)
    assert found.ranks("tail").tolist() == _ranks(
        np.asarray(model.score_tails(x["head"], x["relation"])), x["tail"]
    )
    assert found.ranks("head").tolist() == _ranks(
        np.asarray(model.score_heads(None, x["relation"], x["tail"])), x["head"]
    )
    pairs = index.score_relations(x["head"], x["tail"])
    np.testing.assert_allclose(pairs[:, 0], index.score(x["head"], x["relation"] * 0, x["tail"]))
    assert (model.num_entities, model.num_relations) == (30, 2)
    assert index.bytes_per_score > 4


def _ranks(scores, answers):
    """Mean ranks, one list after the other."""
    answers = np.asarray(answers)
    own = scores[np.arange(len(scores)), answers][:, None]
    return (((scores > own).sum(1) + 1 + (scores >= own).sum(1)) / 2).tolist()


def test_an_index_is_read_again_when_the_weights_have_changed(world):
    _, texts = world
    model = lands.model()
    index = model.index(texts)
    before = index.entity_vectors().copy()
    assert model.as_tables() is index
    np.testing.assert_array_equal(index.entity_vectors(), before)
    model.set_weights([weight * 2 + 1 for weight in model.get_weights()])
    np.testing.assert_array_equal(index.entity_vectors(), before)
    assert np.abs(model.as_tables().entity_vectors() - before).max() > 0.1
    np.testing.assert_array_equal(model.index(texts).entity_vectors(), index.entity_vectors())


def test_ids_may_be_lists(world):
    _, texts = world
    index = lands.model().index(texts)
    ids = [0, 1], [0, 1], [2, 3]
    np.testing.assert_array_equal(index.score(*ids), index.score(*map(np.array, ids)))
    heads = index.score_heads(None, *ids[1:])
    np.testing.assert_array_equal(heads, index.score_heads(None, *map(np.array, ids[1:])))
