import json

import keras
import numpy as np
import pytest

from kgkeras import kg, losses, models, optimizers, pipelines, regularizers, scorers
from tests import processes, toy

SCORERS = [
    scorers.TransE(),
    scorers.RotatE(),
    scorers.DistMult(),
    scorers.ComplEx(),
    scorers.CP(),
    scorers.TuckER(relation_dim=4),
    scorers.ConvE(height=4),
    scorers.MuRE(),
]


def predictor(scorer=None, graph=None, dim=16, **arguments):
    model = models.LinkPredictor.from_graph(
        graph or toy.graph(), scorer or scorers.ComplEx(), dim, **arguments
    )
    model.compile(optimizers.SparseAdagrad(0.1), losses.CrossEntropyLoss())
    return model


def batches(kind, graph, model, batch_size=30, **arguments):
    graph = graph.with_inverses() if model.reciprocal else graph
    made = {
        "one_vs_all": pipelines.one_vs_all_batches,
        "queries": pipelines.query_batches,
        "sampled": pipelines.sampled_batches,
    }[kind](graph, batch_size=batch_size, **arguments)
    return made, graph.num_triples // batch_size


def fit(model, kind="one_vs_all", epochs=1, graph=None, **arguments):
    made, steps = batches(kind, graph or toy.graph(), model, **arguments)
    return model.fit(made, steps_per_epoch=steps, epochs=epochs, verbose=0, shuffle=False).history


def mean_rank(model, facts):
    head, relation, tail = facts.triples.T
    scores = np.asarray(model.score_tails(head, relation))
    true = scores[np.arange(len(tail)), tail][:, None]
    return float(np.mean(1 + (scores > true).sum(axis=1)))


@pytest.mark.parametrize(
    ("kind", "reciprocal", "arguments"),
    [
        ("one_vs_all", True, {}),
        ("one_vs_all", False, {}),
        ("queries", True, {"max_answers": 2}),
        ("queries", True, {}),
        ("sampled", True, {"num_negatives": 8, "chunk_size": 6}),
        ("sampled", True, {"num_negatives": 8, "chunk_size": 30, "filtered": True}),
        ("sampled", False, {"num_negatives": 8, "chunk_size": 1, "both_sides": True}),
        ("sampled", False, {"num_negatives": 8, "chunk_size": 1, "corruption": "bernoulli"}),
        ("sampled", True, {"num_negatives": 8, "chunk_size": 5, "subsampling": True}),
    ],
)
def test_learns_a_toy_graph_by_every_regime(kind, reciprocal, arguments):
    facts = toy.graph()
    model = predictor(reciprocal=reciprocal, dim=32)
    before = mean_rank(model, facts)
    history = fit(model, kind, 60, **arguments)
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    assert mean_rank(model, facts) < 2.5 < before


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda scorer: type(scorer).__name__)
def test_saves_reloads_and_scores_the_same(scorer, tmp_path):
    model = predictor(
        type(scorer).from_config(scorer.get_config()),
        dim=17 if isinstance(scorer, scorers.ConvE | scorers.MuRE) else 16,
        relation_weight=0.5,
    )
    fit(model)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    head, relation, tail = toy.graph().triples.T
    for answer in ("score_tails", "score_heads"):
        arguments = (head, relation) if answer == "score_tails" else (None, relation, tail)
        np.testing.assert_array_equal(
            getattr(again, answer)(*arguments), getattr(model, answer)(*arguments)
        )
    assert again.vocabulary == model.vocabulary
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())
    assert again.top_tails("e0", "r1", k=3) == model.top_tails("e0", "r1", k=3)


def test_scores_agree_with_one_another():
    for reciprocal in (True, False):
        model = predictor(reciprocal=reciprocal)
        head, relation, tail = toy.graph().triples.T
        triples = {"head": head, "relation": relation, "tail": tail}
        scores = np.asarray(model.score(head, relation, tail))
        np.testing.assert_allclose(model.predict(triples, verbose=0), scores, atol=1e-6)
        tails = np.asarray(model.score_tails(head, relation))
        np.testing.assert_allclose(tails[np.arange(len(tail)), tail], scores, atol=1e-6)
        some = np.array([3, 1, 4], dtype="int32")
        np.testing.assert_allclose(
            model.score_tails(head, relation, some), tails[:, some], atol=1e-6
        )
        heads = np.asarray(model.score_heads(None, relation, tail))
        inverse = relation + model.num_relations if reciprocal else relation
        expected = model.score(tail, inverse, head) if reciprocal else scores
        np.testing.assert_allclose(heads[np.arange(len(head)), head], expected, atol=1e-6)
        relations = np.asarray(model.score_relations(head, tail))
        assert relations.shape == (len(head), model.num_relations)
        np.testing.assert_allclose(relations[np.arange(len(head)), relation], scores, atol=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"regularizer": regularizers.N3(0.1)}, {"relation_weight": 0.5}],
    ids=["plain", "regularizer", "relation_weight"],
)
def test_queries_are_the_sum_of_their_triples(arguments):
    """Grouped by query or not, the gradient of a whole pass is the same."""
    facts = toy.graph().with_inverses()
    grown = {}
    for kind, limits in (("one_vs_all", {}), ("queries", {"max_answers": 3})):
        keras.utils.set_random_seed(0)
        # Vectors long enough that each term of the loss shows.
        normal = keras.initializers.RandomNormal(stddev=0.5)
        model = models.LinkPredictor.from_graph(
            toy.graph(), scorers.DistMult(), 8, initializer=normal, **arguments
        )
        model.compile(keras.optimizers.SGD(1.0), losses.CrossEntropyLoss())
        rows = pipelines.query_steps(facts, 1, 3) if kind == "queries" else facts.num_triples
        made, _ = batches(kind, toy.graph(), model, batch_size=rows, **limits)
        before = model.get_weights()
        model.fit(made, steps_per_epoch=1, verbose=0, shuffle=False)
        # Losses are means over rows.
        grown[kind] = [
            (after - start) * rows for start, after in zip(before, model.get_weights(), strict=True)
        ]
    for queries, triples in zip(grown["queries"], grown["one_vs_all"], strict=True):
        np.testing.assert_allclose(queries, triples, rtol=1e-4, atol=1e-4)


def test_regularizer_and_relation_loss_are_logged_and_count():
    plain, both = predictor(), predictor(regularizer=regularizers.N3(0.1), relation_weight=2.0)
    assert set(fit(plain)) == {"loss"}
    for kind, arguments in (
        ("one_vs_all", {}),
        ("queries", {"max_answers": 4}),
        ("sampled", {"num_negatives": 4, "chunk_size": 5}),
    ):
        made, _ = batches(kind, toy.graph(), both, **arguments)
        logs = both.evaluate(made, steps=3, verbose=0, return_dict=True)
        assert set(logs) == {"loss", "penalty", "relation_loss"}
        assert logs["relation_loss"] > 0
        without = models.LinkPredictor(both.triples, both.scorer)
        without.compile(loss=losses.CrossEntropyLoss())
        task = without.evaluate(made, steps=3, verbose=0)
        total = task + logs["penalty"] + 2 * logs["relation_loss"]
        assert logs["loss"] == pytest.approx(total, rel=1e-5)


def test_answers_by_name():
    facts = toy.graph()
    model = predictor(dim=32)
    fit(model, epochs=60)
    head, relation, tail = facts.triples[4]
    names = facts.entities[head], facts.relations[relation], facts.entities[tail]
    answers = model.top_tails(names[0], names[1], k=30)
    assert answers[0].identifier == names[2]
    assert [a.score for a in answers] == sorted((a.score for a in answers), reverse=True)
    assert model.top_heads(names[1], names[2], k=1)[0].identifier in {
        facts.entities[h] for h, r, t in facts.triples if (r, t) == (relation, tail)
    }
    known = model.top_tails(names[0], names[1], k=29, known=facts)
    assert names[2] not in {answer.identifier for answer in known}
    assert len(model.top_relations(names[0], names[2], k=3)) == 3
    nearest = model.nearest_entities("e3", k=5)
    assert "e3" not in {answer.identifier for answer in nearest}
    vectors = model.entity_vectors()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert nearest[0].score == pytest.approx(np.sort(unit @ unit[3])[-2], abs=1e-5)
    far = model.nearest_entities("e3", k=1, measure="euclidean")[0]
    assert far.score == pytest.approx(
        -np.sort(np.linalg.norm(vectors - vectors[3], axis=1))[1], abs=1e-5
    )
    assert model.rank(*names, known=facts) == (1.0, 1.0)


def test_adds_entities_without_refitting(tmp_path):
    facts = toy.graph()
    model = predictor()
    fit(model, epochs=3)
    vector = np.linspace(-1, 1, 16, dtype="float32")
    given = model.add_entities(["new"], vectors=[vector])
    np.testing.assert_array_equal(given.entity_vectors()[:-1], model.entity_vectors())
    np.testing.assert_array_equal(given.entity_vectors()[-1], vector)
    assert given.vocabulary.entities == (*facts.entities, "new")
    averaged = model.add_entities(
        ["a", "b"],
        facts=[("a", "r0", "e1"), ("e2", "r1", "a"), ("b", "r0", "a"), ("b", "r2", "e5")],
    )
    old = model.entity_vectors()
    np.testing.assert_allclose(averaged.entity_vectors()[-2], (old[1] + old[2]) / 2, rtol=1e-6)
    np.testing.assert_allclose(averaged.entity_vectors()[-1], old[5], rtol=1e-6)
    assert averaged.top_tails("b", "r0", k=2)
    averaged.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.top_tails("b", "r0", k=2) == averaged.top_tails("b", "r0", k=2)


def test_mistakes():
    model = predictor()
    with pytest.raises(ValueError, match=r"'e00'.*unknown; perhaps one of 'e0'"):
        model.top_tails("e00", "r0")
    with pytest.raises(ValueError, match="name of a relation was wanted"):
        model.top_heads("likes", "e0")
    with pytest.raises(ValueError, match="`k` must be at most 30, the entities"):
        model.top_tails("e0", "r0", k=31)
    with pytest.raises(ValueError, match="`k` must be at most 3, the relations"):
        model.top_relations("e0", "e1", k=4)
    with pytest.raises(ValueError, match="`measure` must be one of"):
        model.nearest_entities("e0", measure="dot")
    with pytest.raises(ValueError, match="ComplEx needs a `dim` that is a multiple of 2"):
        predictor(dim=15)
    with pytest.raises(ValueError, match="relation vectors of length 8"):
        models.LinkPredictor(predictor().triples, scorers.RotatE())
    with pytest.raises(ValueError, match="`scorer` must be a"):
        models.LinkPredictor(predictor().triples, "complex")
    with pytest.raises(ValueError, match="must be a TripleEmbedding"):
        models.LinkPredictor(None, scorers.ComplEx())
    with pytest.raises(ValueError, match="their number must be even"):
        models.LinkPredictor(predictor(reciprocal=False).triples, scorers.ComplEx())
    inverses = r"not have inverse relations.*Received: 6 relations, 'r0' \.\.\. 'r2_inverse'"
    with pytest.raises(ValueError, match=inverses):
        predictor(graph=toy.graph().with_inverses())
    assert predictor(graph=toy.graph().with_inverses(), reciprocal=False).num_relations == 6
    with pytest.raises(ValueError, match="`relation_weight`"):
        predictor(relation_weight=-1)
    with pytest.raises(ValueError, match="name 30 entities and 3 relations"):
        predictor(vocabulary=models.Vocabulary(["a"], ["b"]))
    nameless = models.LinkPredictor(predictor().triples, scorers.ComplEx())
    with pytest.raises(ValueError, match="need a vocabulary"):
        nameless.top_tails("e0", "r0")
    made, _ = batches("queries", toy.graph(), model)
    with pytest.raises(ValueError, match="the model must be reciprocal"):
        predictor(reciprocal=False).evaluate(made, steps=1, verbose=0)
    with pytest.raises(ValueError, match="either `vectors` or `facts`"):
        model.add_entities(["new"])
    with pytest.raises(ValueError, match="no fact with an entity that the model knows"):
        model.add_entities(["new", "lone"], facts=[("new", "r0", "e1")])
    with pytest.raises(ValueError, match=r"shape \(1, 16\)"):
        model.add_entities(["new"], vectors=np.zeros((1, 3)))
    with pytest.raises(ValueError, match="must be new and unique"):
        model.add_entities(["e3"], vectors=np.zeros((1, 16)))


def test_names_shared_by_entities_need_the_identifier():
    texts = kg.Texts(names=["Paris", "Paris", "Vienna"])
    graph = kg.KnowledgeGraph(
        ["q1", "q2", "q3"], ["near"], np.array([[0, 0, 1]]), entity_texts=texts
    )
    model = predictor(graph=graph)
    assert model.top_tails("Vienna", "near", k=3) == model.top_tails("q3", "near", k=3)
    with pytest.raises(ValueError, match=r"`Paris` is the name of 2 entities.*'q1', 'q2'"):
        model.top_tails("Paris", "near")


def test_loads_where_only_models_was_imported(tmp_path):
    """The penalty, the scorer, the loss and the optimizer are found by name."""
    model = predictor(graph=toy.graph(), regularizer=regularizers.N3(0.1))
    model.compile(optimizers.SparseAdagrad(0.1), losses.CrossEntropyLoss())
    model.save(tmp_path / "model.keras")
    found = processes.output(_LOAD, tmp_path / "model.keras").split()
    assert found == ["SparseAdagrad", "N3"]


_LOAD = """
import sys, kgkeras.models, keras
model = keras.saving.load_model(sys.argv[1])
print(type(model.optimizer).__name__, type(model.regularizer).__name__)
"""
