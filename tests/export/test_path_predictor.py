"""A path predictor takes its facts along when it is exported, and needs no TF-GNN to answer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import export, graph, kg, models
from tests import toy

K = 5
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


# Three steps reach every entity, so that no two have the same score.
def _model(aggregate="sum", **options):
    keras.utils.set_random_seed(3)
    return models.PathPredictor.from_graph(
        toy.graph(), units=8, num_layers=3, aggregate=aggregate, **options
    )


@pytest.fixture(scope="module", params=["sum", pytest.param("pna", marks=pytest.mark.slow)])
def exported(request, tmp_path_factory):
    model = _model(request.param)
    base = tmp_path_factory.mktemp("saved_models") / "paths"
    return model, export.export_link_predictor(model, base, k=K, card={"data": "toy"})


def _check_same(answer, row, kind, wanted):
    np.testing.assert_allclose(answer["scores"][row], [item.score for item in wanted], **CLOSE)
    assert answer[kind][row] == [item.identifier for item in wanted]
    assert answer["names"][row] == [item.name for item in wanted]
    assert answer["known"][row]


@pytest.mark.slow
def test_same_answers_in_a_clean_process(exported, run_in_clean_process):
    model, folder = exported
    entities, relations = ["e1", "e7", "e29"], ["r2", "r0", "r1"]
    tails = run_in_clean_process(folder, "top_tails", {"head": entities, "relation": relations})
    for row, query in enumerate(zip(entities, relations, strict=True)):
        _check_same(tails, row, "tails", model.top_tails(*query, k=K))


def test_other_signatures(exported):
    model, folder = exported
    loaded = tf.saved_model.load(str(folder))
    ask = loaded.signatures
    assert set(ask) == {"serving_default", "top_tails", "top_heads", "score", "regress"}
    entities, relations = ["e1", "nobody", "e29"], ["r2", "r0", "r1"]
    heads = ask["top_heads"](relation=tf.constant(relations), tail=tf.constant(entities))
    heads = {name: value.numpy() for name, value in heads.items()}
    heads["heads"], heads["names"] = (
        np.char.decode(heads[name].astype(bytes)).tolist() for name in ("heads", "names")
    )
    for row in (0, 2):
        _check_same(heads, row, "heads", model.top_heads(relations[row], entities[row], k=K))
    assert heads["known"].tolist() == [True, False, True]
    assert heads["heads"][1] == [""] * K
    triples = {"head": entities, "relation": relations, "tail": ["e3", "e4", "e5"]}
    score = ask["score"](**{name: tf.constant(names) for name, names in triples.items()})
    wanted = model.score(np.array([1, 29]), np.array([2, 1]), np.array([3, 5]))
    np.testing.assert_allclose(score["score"].numpy()[[0, 2]], wanted, **CLOSE)
    assert score["known"].numpy().tolist() == [True, False, True]


@pytest.mark.slow
def test_new_entities_and_known_answers(tmp_path):
    told = toy.graph(1)
    others = kg.KnowledgeGraph([f"new {i}" for i in range(30)], told.relations, told.triples)
    model = _model().with_graph(others)
    folder = export.export_link_predictor(model, tmp_path / "m", k=4, known=others)
    assert not export.check_saved_model(folder)
    loaded = tf.saved_model.load(str(folder))
    answer = loaded.signatures["top_tails"](
        head=tf.constant(["new 3"]), relation=tf.constant(["r1"])
    )
    wanted = model.top_tails("new 3", "r1", k=4, known=others)
    assert [name.decode() for name in answer["tails"].numpy()[0]] == [w.identifier for w in wanted]
    np.testing.assert_allclose(answer["scores"][0], [w.score for w in wanted], **CLOSE)


def test_what_cannot_be_exported(tmp_path):
    with pytest.raises(ValueError, match="`k` must be at most 30"):
        export.export_link_predictor(_model(), tmp_path / "m", k=31)
    facts = graph.FactEdges.from_graph(toy.graph())
    nameless = models.PathPredictor(graph.PathEncoder(facts, units=4, num_layers=1))
    with pytest.raises(ValueError, match="`model` must have a vocabulary"):
        export.export_link_predictor(nameless, tmp_path / "m")
    assert not list(tmp_path.iterdir())
