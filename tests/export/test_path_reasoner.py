"""A path reasoner from names or questions to its exported twin."""

import json

import numpy as np
import pytest
import tensorflow as tf

from kgkeras import export, kg
from tests.export import small

K = 4


@pytest.fixture(scope="module")
def facts():
    return small.knowledge()


def asked(folder, signature, **inputs):
    """The answers of a signature, strings decoded."""
    loaded = tf.saved_model.load(str(folder))
    answer = loaded.signatures[signature](**{k: tf.constant(v) for k, v in inputs.items()})
    return {
        name: np.char.decode(x.numpy().astype(bytes)) if x.dtype == tf.string else x.numpy()
        for name, x in answer.items()
    }


def told(facts, relations, way):
    """The walk in words."""
    names, steps = (*facts.relations, *facts.with_inverses().relations[2:]), []
    for relation, head, tail in zip(relations, way[:-1], way[1:], strict=True):
        if relation < len(names):
            steps.append(f"{small.NAMES[head]} | {names[relation]} | {small.NAMES[tail]}")
    return " ; ".join(steps)


def check(facts, model, query, answer, kind, row):
    answers, chances, relations, ways = (
        x.numpy()[0] for x in model.search(query).answers(K, model.num_entities)
    )
    count = (answers >= 0).sum()
    found = answer[kind][row]
    assert found[:count].tolist() == [facts.entities[i] for i in answers[:count]]
    assert found[count:].tolist() == [""] * (K - count)
    np.testing.assert_allclose(answer["scores"][row], chances, rtol=1e-5)
    wanted = [told(facts, relations[i], ways[i].tolist()) for i in range(count)]
    assert answer["facts"][row].tolist() == wanted + [""] * (K - count)


def test_links(facts, tmp_path):
    model = small.reasoner(facts)
    folder = export.export_model(model, tmp_path / "m", graph=facts, k=K, card={"data": "toy"})
    assert not export.check_saved_model(folder)
    assert json.loads((folder / "assets.extra" / "model.json").read_text())["data"] == "toy"
    tails = asked(folder, "top_tails", head=["Lima", "x", "brazil"], relation=["city_in"] * 3)
    assert tails["known"].tolist() == [True, False, True]
    for row, head in ((0, 0), (2, 3)):
        check(facts, model, {"head": [head], "relation": [0]}, tails, "tails", row)
    assert tails["tails"][1].tolist() == tails["facts"][1].tolist() == [""] * K
    assert tails["scores"][1].tolist() == [0.0] * K
    heads = asked(folder, "top_heads", relation=["part_of"], tail=["america"])
    check(facts, model, {"head": [4], "relation": [3]}, heads, "heads", 0)


@pytest.mark.slow
def test_questions(facts, tmp_path):
    preprocessor = small.preprocessor(facts)
    model = small.reasoner(facts, preprocessor)
    folder = export.export_path_reasoner(
        model, facts, tmp_path / "m", preprocessor=preprocessor, k=K, samples=small.TEXTS
    )
    assert not export.check_saved_model(folder)
    answer = asked(folder, "answer", question=list(small.TEXTS))
    assert answer["known"].tolist() == [True, True, False, False]
    assert answer["entities"].tolist() == [["Lima"], ["São Paulo"], [""], [""]]
    for row in range(2):
        encoded = preprocessor([small.TEXTS[row]])
        check(facts, model, encoded, answer, "identifiers", row)
    assert answer["answers"][2:].tolist() == answer["facts"][2:].tolist() == [[""] * K] * 2
    explained = asked(folder, "explain", question=[small.TEXTS[0]])
    assert "Lima" in explained["entities"].ravel().tolist()


def test_what_cannot_be_exported(facts, tmp_path):
    preprocessor = small.preprocessor(facts)
    model = small.reasoner(facts)
    with pytest.raises(ValueError, match="`preprocessor` must be None, as nothing is asked"):
        export.export_path_reasoner(model, facts, tmp_path / "m", preprocessor=preprocessor)
    with pytest.raises(ValueError, match="`k` must be at most 5, the entities"):
        export.export_path_reasoner(model, facts, tmp_path / "m", k=6)
    other = kg.KnowledgeGraph.from_triples([("a", "r", "b")])
    with pytest.raises(
        ValueError, match="`graph` must have the model's 5 entities and 4 relations"
    ):
        export.export_path_reasoner(model, other, tmp_path / "m", k=1)
    with pytest.raises(ValueError, match=r"`preprocessor` must be a text\.Preprocessor"):
        export.export_model(small.reasoner(facts, preprocessor), tmp_path / "m", graph=facts)
    assert not list(tmp_path.iterdir())
