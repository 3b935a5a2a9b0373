"""A link predictor that knows paths, and no entity by heart."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import evaluation, export, graph, kg, layers, losses, models, pipelines, scorers
from tests import toy
from tests.evaluation.worlds import slow_ranks

PARENT, GRANDPARENT = 0, 1


def _families(seed, size=40, prefix="p"):
    """Each person has one parent; splits that tell all parents, and half of the grandparents."""
    rng = np.random.default_rng(seed)
    parent = np.array([0, 0, *(rng.integers(max(0, i - 9), i) for i in range(2, size))])
    people = np.arange(1, size)
    parents = np.stack([people, np.full(size - 1, PARENT), parent[1:]], axis=1)
    people = np.flatnonzero(parent)
    grand = np.stack([people, np.full(len(people), GRANDPARENT), parent[parent[people]]], axis=1)
    grand = rng.permutation(grand)
    told, asked = np.array_split(grand, 2)
    names = [f"{prefix}{i}" for i in range(size)]
    parts = (np.concatenate([parents, told]), asked[:3], asked[3:])
    relations = ("parent", "grandparent")
    return kg.Splits(*(kg.KnowledgeGraph(names, relations, p.astype("int32")) for p in parts))


def _predictor(told=None, **options):
    options = {"units": 8, "num_layers": 2, "aggregate": "sum", **options}
    model = models.PathPredictor.from_graph(told or toy.graph(), **options)
    model.compile(keras.optimizers.Adam(0.02), losses.CrossEntropyLoss())
    return model


def _fit(model, told, epochs=1, max_answers=2, batch_size=16, **options):
    told = told.with_inverses()
    shared = {"batch_size": batch_size, "max_answers": max_answers}
    return model.fit(
        pipelines.query_batches(told, **shared),
        steps_per_epoch=pipelines.query_steps(told, **shared),
        epochs=epochs,
        shuffle=False,
        verbose=0,
        **options,
    ).history


@pytest.fixture(scope="module")
def learned():
    """A model that has learned of families, and families that it has not seen."""
    keras.utils.set_random_seed(5)
    splits = _families(0)
    model = _predictor(splits.train, units=16)
    of_relation = splits.train.triples[:, 1] == GRANDPARENT
    asked = splits.train.with_triples(splits.train.triples[of_relation])
    history = _fit(model, asked, epochs=12, batch_size=8)
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    return model, splits


@pytest.mark.slow
def test_learns_a_rule_and_applies_it_to_entities_that_it_has_not_seen(learned):
    model, splits = learned
    for other in (splits, _families(1, 25, "x")):
        adapted = model.with_graph(other.train)
        ranks = evaluation.rank(adapted, other.test, other)
        assert ranks.metrics()["hits@1"] > 0.97
    best = adapted.top_tails("x20", "grandparent", k=2)
    parents = {h: t for h, r, t in other.train.triples.tolist() if r == PARENT}
    assert best[0].identifier == f"x{parents[parents[20]]}"
    # Nobody has trained the new one, and the old one stays as it was.
    assert model.num_entities == 40
    assert adapted.vocabulary.entities == other.entities


def test_same_answers_by_all_ways():
    told = toy.graph()
    model = _predictor(told)
    head, relation, tail = (ids[:12].copy() for ids in told.triples.T)
    tails, heads = model.score_tails(head, relation), model.score_heads(None, relation, tail)
    assert tails.shape == heads.shape == (12, 30)
    assert tails.dtype == heads.dtype == "float32"
    rows = np.arange(12)
    close = {"rtol": 1e-4, "atol": 1e-5}
    score = model.score(head, relation, tail)
    np.testing.assert_allclose(score, tails.numpy()[rows, tail], **close)
    np.testing.assert_allclose(
        score, model({"head": head, "relation": relation, "tail": tail}), **close
    )
    inverse = model.score(tail, relation + 3, head)
    np.testing.assert_allclose(inverse, heads.numpy()[rows, head], **close)
    some = np.array([4, 0, 29], "int32")
    for whole, part in (
        (tails, model.score_tails(head, relation, some)),
        (heads, model.score_heads(some, relation, tail)),
    ):
        np.testing.assert_allclose(part, whole.numpy()[:, some], **close)
    relations = model.score_relations(head, tail)
    assert relations.shape == (12, 3)
    np.testing.assert_allclose(relations.numpy()[rows, relation], score, **close)
    names = told.entities[head[0]], told.relations[relation[0]], told.entities[tail[0]]
    for answers, scores in (
        (model.top_tails(*names[:2], k=30), tails.numpy()[0]),
        (model.top_heads(*names[1:], k=30), heads.numpy()[0]),
        (model.top_relations(names[0], names[2], k=3), relations.numpy()[0]),
    ):
        np.testing.assert_allclose([a.score for a in answers], np.sort(scores)[::-1], **close)
    assert model.top_tails(*names[:2])[0].identifier == f"e{np.argmax(tails[0])}"
    ranks = evaluation.rank(model, told.triples[:1], told)
    by_name = model.rank(*names, known=told)
    assert by_name == (ranks.ranks("head")[0], ranks.ranks("tail")[0])


def test_ranks_as_slowly_counted_and_scores_each_query_once(monkeypatch):
    told = toy.graph()
    model = _predictor(told)
    table = np.stack(
        [model.score_tails(np.arange(30), np.full(30, r)).numpy() for r in range(3)], axis=1
    )
    for memory in (1000, 2**29):  # The first is enough for a single query at a time.
        ranks = evaluation.rank(model, told, told, sides="tail", memory=memory)
        expected = slow_ranks(table, told.triples, told.triples, "tail", "mean")
        np.testing.assert_array_equal(ranks.ranks("tail"), expected)
    asked, score_tails = [], model.score_tails

    def counted(head, relation, candidates=None):
        asked.append((len(head), candidates))
        return score_tails(head, relation, candidates)

    monkeypatch.setattr(model, "score_tails", counted)
    monkeypatch.setattr(
        "kgkeras.evaluation.competitors.compiled", lambda function, variables: function
    )
    evaluation.rank(model, told.triples[:6], told, sides="tail", memory=1000)
    assert asked == [(1, None)] * 6


def test_scores_of_triples_need_not_much_memory(monkeypatch):
    told, model, sizes = toy.graph(), _predictor(), []
    score = model.score
    expected = score(*told.triples[:7].T)

    def counted(head, relation, tail):
        sizes.append(len(head))
        return score(head, relation, tail)

    monkeypatch.setattr(model, "score", counted)
    monkeypatch.setattr("kgkeras.evaluation.triple_scores.compiled", lambda function, _: function)
    for memory, size in ((2 * 30 * model.bytes_per_score, 2), (1, 1), (2**29, 7)):
        monkeypatch.setattr("kgkeras.evaluation.triple_scores._MEMORY", memory)
        found = evaluation.score_triples(model, told.triples[:7])
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        assert set(sizes) == {size}
        sizes.clear()


def test_saved_it_is_the_same(learned, tmp_path):
    model, splits = learned
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.vocabulary == model.vocabulary
    for name in ("units", "num_layers", "aggregate", "dependent"):
        assert getattr(again.encoder, name) == getattr(model.encoder, name)
    head, relation = splits.test.triples[:, 0], splits.test.triples[:, 1]
    np.testing.assert_array_equal(
        again.score_tails(head, relation), model.score_tails(head, relation)
    )
    # The optimizer and the facts came along.
    np.testing.assert_array_equal(again.encoder.facts()["source"], model.encoder.facts()["source"])
    assert np.isfinite(_fit(again, splits.train)["loss"]).all()


def test_a_nameless_model_is_saved_without_names(tmp_path):
    model = models.PathPredictor(_predictor().encoder)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.vocabulary is None
    with pytest.raises(ValueError, match="need a vocabulary"):
        again.top_tails("e0", "r0")
    assert again.with_graph(toy.graph(1)).vocabulary.entities == toy.graph().entities


def test_another_graph_gets_all_weights_even_frozen_ones():
    model = _predictor()
    model.encoder.trainable = False
    other = model.with_graph(toy.graph(1))
    new, old = (m.get_layer("encoder").layers[0].kernel for m in (other, model))
    np.testing.assert_array_equal(new, old)
    assert other.encoder.facts.hide_batch
    old.assign(old + 1)
    assert not np.allclose(new, old)


def test_ranks_while_it_trains():
    told = toy.graph()
    model = _predictor(told, units=4, num_layers=1)
    ranking = evaluation.RankingCallback(told.triples[:20], told)
    history = _fit(model, told, epochs=2, callbacks=[ranking])
    assert len(history["val_mrr"]) == 2
    figures = evaluation.rank(model, told.triples[:20], told).metrics()
    assert history["val_mrr"][-1] == pytest.approx(figures["mrr"])


@pytest.mark.slow
def test_half_precision():
    model = _predictor(dtype="mixed_bfloat16")
    assert model.score(np.array([0]), np.array([1]), np.array([2])).dtype == "float32"
    assert model.score_tails(np.array([0]), np.array([1])).dtype == "float32"
    assert np.isfinite(_fit(model, toy.graph())["loss"]).all()
    assert model.get_layer("scores").compute_dtype == "bfloat16"


def test_graphs_that_do_not_fit():
    told = toy.graph()
    model = _predictor()
    message = "`graph` must have the 3 relations that the model knows, in the same order"
    renamed = kg.KnowledgeGraph(told.entities, ["r0", "r2", "r1"], told.triples)
    with pytest.raises(ValueError, match=rf"{message}\. Received: 3 relations, r0, r2, r1"):
        model.with_graph(renamed)
    with pytest.raises(ValueError, match=rf"{message}\. Received: 6 relations"):
        model.with_graph(told.with_inverses())
    with pytest.raises(ValueError, match="must hold at least one fact"):
        model.with_graph(told.with_triples(told.triples[:0]))
    nameless = models.PathPredictor(model.encoder)
    with pytest.raises(ValueError, match=rf"{message}\. Received: 6 relations"):
        nameless.with_graph(told.with_inverses())
    with pytest.raises(ValueError, match="must not have inverse relations already"):
        models.PathPredictor.from_graph(told.with_inverses())
    with pytest.raises(ValueError, match="must hold at least one fact"):
        models.PathPredictor.from_graph(told.with_triples(told.triples[:0]))
    splits = kg.Splits(told, told.with_triples(told.triples[:3]), told)
    assert models.PathPredictor.from_graph(splits, units=2).encoder.facts.num_facts > 0
    with pytest.raises(tf.errors.InvalidArgumentError, match="`head` must be ids below 30"):
        model.score([30], [0], [1])


def test_other_mistakes():
    model = _predictor()
    facts = graph.FactEdges.from_graph(toy.graph())
    with pytest.raises(ValueError, match=r"`encoder` must be a graph\.PathEncoder"):
        models.PathPredictor(graph.GraphEncoder([], facts))
    with pytest.raises(ValueError, match="name 30 entities and 3 relations"):
        models.PathPredictor(model.encoder, vocabulary=models.Vocabulary(["a"], ["b"]))
    with pytest.raises(ValueError, match=r"'e00'.*unknown"):
        model.top_tails("e00", "r0")
    with pytest.raises(ValueError, match="`k` must be at most 30"):
        model.top_tails("e0", "r0", k=31)


# === Texts beside paths ===


def _texts(number=30, dim=12, seed=0):
    return np.random.default_rng(seed).normal(size=(number, dim)).astype("float32")


def test_texts_are_judged_beside_paths():
    told = toy.graph()
    model = _predictor(told, text_vectors=_texts(), text_dim=6, text_dropout=0.5)
    head, relation = told.triples[:9, 0].copy(), told.triples[:9, 1].copy()
    states, query = model.encoder(head, relation)
    head_layer, entities = model.get_layer("scores"), model.triples.entities
    vectors, relations = (t.vectors().numpy() for t in (entities, model.triples.relations))
    (h, i), (r, s), (t, u) = (
        np.split(v, 2, 1) for v in (vectors[head], relations[relation], vectors)
    )
    judged = (h * r - i * s) @ t.T + (h * s + i * r) @ u.T  # ComplEx
    a, bias, b, w, c = (v.numpy() for v in head_layer.weights)
    hidden = states.numpy() @ a + bias + query.numpy() @ b + judged.T[..., None] @ c
    wanted = (np.maximum(hidden, 0) @ w)[..., 0].T + judged
    np.testing.assert_allclose(model.score_tails(head, relation), wanted, rtol=1e-4, atol=1e-5)
    tail = told.triples[:9, 2].copy()
    score = model.score(head, relation, tail)
    np.testing.assert_allclose(score, wanted[np.arange(9), tail], rtol=1e-4, atol=1e-5)


def test_what_only_texts_tell_is_learned_and_holds_of_new_entities():
    """Who likes whom can be read in the texts, and in no path."""
    keras.utils.set_random_seed(0)

    def world(seed, size=40):
        rng = np.random.default_rng(seed)
        kind = rng.integers(4, size=size)
        likes = [(i, 0, rng.choice(np.flatnonzero(kind == (kind[i] + 1) % 4))) for i in range(size)]
        near = np.stack([np.arange(size), np.ones(size), rng.permutation(size)], axis=1)
        triples = np.concatenate([likes, near]).astype("int32")
        names = [f"{seed}-{i}" for i in range(size)]
        facts = kg.KnowledgeGraph(names, ("likes", "near"), triples)
        texts = np.eye(4, 8)[kind] + rng.normal(scale=0.1, size=(size, 8))
        return facts, texts, np.array(likes, "int32"), kind

    told, texts, likes, _ = world(1)
    model = _predictor(told, text_vectors=texts, text_dim=16)
    history = _fit(model, told.with_triples(likes), epochs=30, max_answers=1, batch_size=20)
    assert history["loss"][-1] < history["loss"][0] - 0.5
    other, texts, likes, kind = world(2)
    found = model.with_graph(other, texts).score_tails(likes[:, 0], likes[:, 1]).numpy()
    assert np.mean(kind[found.argmax(axis=1)] == (kind[likes[:, 0]] + 1) % 4) > 0.7  # by chance .25
    with pytest.raises(ValueError, match=r"must have the shape \(40, 8\). Received: shape \(\)"):
        model.with_graph(other)
    with pytest.raises(ValueError, match=r"must have the shape \(40, 8\). Received: shape \(40, 7"):
        model.with_graph(other, texts[:, 1:])


def test_with_texts_it_is_saved_and_exported(tmp_path):
    told = toy.graph()
    model = _predictor(told, text_vectors=_texts(), text_dim=6, scorer=scorers.TransE(norm=2))
    _fit(model, told)
    asked = told.triples[:9, 0].copy(), told.triples[:9, 1].copy()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.score_tails(*asked), model.score_tails(*asked))
    other = again.with_graph(told, _texts(seed=1))
    assert np.abs(other.score_tails(*asked) - model.score_tails(*asked)).max() > 1e-3
    same = other.with_graph(told, _texts())
    np.testing.assert_allclose(same.score_tails(*asked), model.score_tails(*asked), atol=1e-5)
    folder = export.export_link_predictor(model, tmp_path / "links", k=30)
    served = tf.saved_model.load(str(folder)).signatures["top_tails"]
    names = tf.constant([told.entities[i] for i in asked[0]])
    relations = tf.constant([told.relations[i] for i in asked[1]])
    scores = np.sort(model.score_tails(*asked), axis=1)[:, ::-1]
    found = served(head=names, relation=relations)["scores"]
    np.testing.assert_allclose(found, scores, rtol=1e-4, atol=1e-5)


def test_vectors_that_do_not_fit():
    told, model = toy.graph(), _predictor()
    for number, relations, message in (
        (29, 6, "30 entities and 6 relations, inverse ones included.*Received: 29 and 6"),
        (30, 8, "30 entities and 6 relations, inverse ones included.*Received: 30 and 8"),
    ):
        triples = layers.TripleEmbedding.from_sizes(number, relations, 4)
        with pytest.raises(ValueError, match=message):
            models.PathPredictor(model.encoder, triples, scorers.ComplEx())
    triples = layers.TripleEmbedding.from_sizes(30, 6, 4)
    with pytest.raises(ValueError, match=r"`scorer` must be a kgkeras\.scorers\.Scorer"):
        models.PathPredictor(model.encoder, triples)
    with pytest.raises(ValueError, match="`triples` must be a TripleEmbedding"):
        models.PathPredictor.from_graph(told, scorer=scorers.ComplEx())
    with pytest.raises(ValueError, match="of no use to a model of paths alone"):
        model.with_graph(told, _texts())
    by_heart = models.PathPredictor(model.encoder, triples, scorers.ComplEx())
    with pytest.raises(ValueError, match="made of texts alone can be had of new entities"):
        by_heart.with_graph(told, _texts())
