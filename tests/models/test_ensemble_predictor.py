"""Sums of scores: what members say, in one; ranked, asked by name and exported as one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import evaluation, export, kg, models, scorers, text
from tests import lands, toy
from tests.evaluation.worlds import slow_ranks

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def _predictor(scorer=None, dim=8, seed=0, graph=None):
    keras.utils.set_random_seed(seed)
    return models.LinkPredictor.from_graph(
        graph or toy.graph(), scorer or scorers.ComplEx(), dim, initializer="random_normal"
    )


@pytest.fixture(scope="module")
def members():
    paths = models.PathPredictor.from_graph(toy.graph(), units=4, num_layers=1, aggregate="sum")
    return _predictor(), _predictor(scorers.TransE(norm=1), seed=1), paths


IRREFLEXIVE = np.array([True, False, True])


def _ensemble(members, **arguments):
    weights = [2.0, 0.5, -1.0][: len(members)]
    return models.EnsemblePredictor(members, weights, irreflexive=IRREFLEXIVE, **arguments)


def _table(members):
    """Scores of all triples, `(entities, relations, entities)`, by hand."""
    anchors, relations = (ids.ravel() for ids in np.meshgrid(np.arange(30), np.arange(3)))
    scores = sum(
        weight * np.asarray(member.score_tails(anchors, relations))
        for weight, member in zip([2.0, 0.5, -1.0], members, strict=False)
    )
    table = np.zeros((30, 3, 30))
    table[anchors, relations] = scores
    for relation in np.flatnonzero(IRREFLEXIVE):
        table[np.arange(30), relation, np.arange(30)] = -np.inf
    return table


def test_scores_are_weighted_sums_without_the_entity_itself(members):
    model, table = _ensemble(members), _table(members)
    assert (model.num_entities, model.num_relations) == (30, 3)
    head, relation = np.array([4, 0, 7]), np.array([0, 1, 2])
    np.testing.assert_allclose(model.score_tails(head, relation), table[head, relation], **CLOSE)
    some = np.array([7, 4, 29])
    np.testing.assert_allclose(
        model.score_tails(head, relation, some), table[head, relation][:, some], **CLOSE
    )
    tail = np.array([4, 0, 6])
    heads = sum(
        w * np.asarray(m.score_heads(some, relation, tail))
        for w, m in zip(model.weights, members, strict=True)
    )
    heads[0, 1] = -np.inf
    np.testing.assert_allclose(model.score_heads(some, relation, tail), heads, **CLOSE)
    triples = model.score(head, relation, tail)
    np.testing.assert_allclose(triples, table[head, relation, tail], **CLOSE)
    relations = np.asarray(model.score_relations(head, tail))
    np.testing.assert_allclose(relations[:2, 0::2], np.full((2, 2), -np.inf))
    np.testing.assert_allclose(relations[2], [table[7, r, 6] for r in range(3)], **CLOSE)


def test_ranks_as_slowly_counted(members):
    told = toy.graph()
    model, table = _ensemble(members), _table(members)
    for memory in (10**4, 2**29):
        ranks = evaluation.rank(model, told, told, sides="tail", memory=memory)
        wanted = slow_ranks(table, told.triples, told.triples, "tail", "mean")
        np.testing.assert_array_equal(ranks.ranks("tail"), wanted)
    assert model.top_tails("e4", "r0", k=29)[-1].score > -np.inf


def test_a_ranker_sees_members_that_have_learned_on():
    model = models.EnsemblePredictor([_predictor()])
    ranker = evaluation.Ranker(model)
    before = ranker.rank(toy.graph(), None).ranks("tail")
    table = model.members[0].triples.entities.table
    table.assign(-table + 1)
    after = ranker.rank(toy.graph(), None).ranks("tail")
    wanted = evaluation.rank(model.members[0], toy.graph(), None).ranks("tail")
    np.testing.assert_array_equal(after, wanted)
    assert (before != after).any()


def test_irreflexive_relations():
    triples = np.array([[0, 0, 1], [1, 1, 1], [1, 1, 0]])
    graph = kg.KnowledgeGraph(["a", "b"], ["r", "s", "t"], triples)
    found = models.EnsemblePredictor.irreflexive_relations(graph)
    np.testing.assert_array_equal(found, [True, False, True])
    for tolerance, wanted in ((0.5, True), (0.49, False)):
        found = models.EnsemblePredictor.irreflexive_relations(graph, tolerance)
        np.testing.assert_array_equal(found, [True, wanted, True])
    with pytest.raises(ValueError, match="`tolerance` must be"):
        models.EnsemblePredictor.irreflexive_relations(graph, -0.1)


@pytest.mark.parametrize("count", [2, 3])
def test_exported(members, count, tmp_path):
    model = _ensemble(members[:count])
    assert not model.by_product  # TransE by absolute values
    folder = export.export_model(model, tmp_path / "m", k=5)
    ask = tf.saved_model.load(str(folder)).signatures
    assert set(ask) == {"serving_default", "top_tails", "top_heads", "score", "regress"}
    entities, relations = ["e1", "e7", "e29"], ["r2", "r0", "r1"]
    tails = ask["top_tails"](head=tf.constant(entities), relation=tf.constant(relations))
    for row, query in enumerate(zip(entities, relations, strict=True)):
        wanted = model.top_tails(*query, k=5)
        np.testing.assert_allclose(tails["scores"][row], [a.score for a in wanted], **CLOSE)
    triples = {"head": entities, "relation": relations, "tail": ["e2", "e3", "e4"]}
    found = ask["score"](**{name: tf.constant(names) for name, names in triples.items()})
    wanted = model.score(np.array([1, 7, 29]), np.array([2, 0, 1]), np.array([2, 3, 4]))
    np.testing.assert_allclose(found["score"], wanted, **CLOSE)


def test_texts_and_structure_in_one(tmp_path):
    facts = lands.graph()
    names, texts = models.Vocabulary.from_graph(facts), lands.texts(facts)
    structure = _predictor(graph=facts)
    encoder = text.TransformerEncoder(lands.tokenizer().vocabulary_size, 8, 2, 2, 32, 0.0)
    index = models.TextLinkPredictor(encoder).index(texts, vocabulary=names)
    model = models.EnsemblePredictor([structure, index], [1.0, 0.3])
    assert model.by_product
    assert model.scores_all
    ranks = evaluation.rank(model, facts, facts)
    again = evaluation.rank(model, facts, facts, memory=10**4)
    np.testing.assert_allclose(ranks.ranks(), again.ranks())
    folder = export.export_link_predictor(model, tmp_path / "both", k=3)
    ask = tf.saved_model.load(str(folder)).signatures["top_tails"]
    head, relation = facts.entities[0], facts.relations[0]
    found = ask(head=tf.constant([head]), relation=tf.constant([relation]))
    wanted = model.top_tails(head, relation, k=3)
    assert [name.decode() for name in found["tails"].numpy()[0]] == [a.identifier for a in wanted]
    cached, places = texts.cached(encoder, 1)
    held = models.TextLinkPredictor(cached).index(places, vocabulary=names)
    with pytest.raises(ValueError, match="not only those that a CachedEncoder holds"):
        export.export_link_predictor(models.EnsemblePredictor([held]), tmp_path / "held", k=3)


def test_what_can_never_be_is_judged_and_served(tmp_path):
    graph = kg.KnowledgeGraph.from_triples([("a", "r", "b"), ("b", "s", "c"), ("c", "r", "a")])
    own = models.EnsemblePredictor.irreflexive_relations(graph)
    model = models.EnsemblePredictor([_predictor(graph=graph)], irreflexive=own)
    folder = export.export_model(model, tmp_path / "m", k=2)
    score = tf.saved_model.load(str(folder)).signatures["score"]
    found = score(head=tf.constant(["a"]), relation=tf.constant(["r"]), tail=tf.constant(["a"]))
    assert found["score"][0] == np.finfo("float32").min
    assert bool(found["known"][0])
    loops = [(0, 0, 0), (1, 1, 1)]
    judged = evaluation.classify_triples(model, graph, loops, graph, loops)
    assert judged.accuracy == judged.roc_auc == 1
    assert not np.isnan(judged.thresholds).any()


def test_what_does_not_fit():
    one = _predictor()
    with pytest.raises(ValueError, match=r"at least one model.*Received: 0 of"):
        models.EnsemblePredictor([])
    other = _predictor(graph=toy.graph().with_triples(toy.graph().triples[:3]))
    models.EnsemblePredictor([one, other])
    turned = toy.graph()
    names = turned.entities[::-1]
    turned = kg.KnowledgeGraph(names, turned.relations, turned.triples)
    with pytest.raises(ValueError, match=r"same entities in the same order.*'e0' and 'e29' at pl"):
        models.EnsemblePredictor([one, _predictor(graph=turned)])
    fewer = kg.KnowledgeGraph(["a"], ["r"], np.zeros((1, 3), "int32"))
    with pytest.raises(ValueError, match=r"of the same entities.*\[\(1, 1\), \(30, 3\)\]"):
        models.EnsemblePredictor([one, _predictor(graph=fewer)])
    with pytest.raises(ValueError, match=r"`weights` must be 1 numbers, one for each of the mem"):
        models.EnsemblePredictor([one], [1.0, 2.0])
    with pytest.raises(ValueError, match="`weights` must be"):
        models.EnsemblePredictor([one], [np.nan])
    with pytest.raises(ValueError, match="`irreflexive` must be 3 numbers, one for each of the r"):
        models.EnsemblePredictor([one], irreflexive=[True])
