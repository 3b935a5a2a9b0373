"""A link predictor from names to names, and its exported twin."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import export, kg, models, scorers
from kgkeras.export.known_answers import KnownAnswers
from kgkeras.export.link_parts import NO_SCORE
from tests import toy

K = 4


def _graph():
    """The toy graph with names: those of entities 3 and 4 are one, that of 5 is an identifier."""
    facts = toy.graph()
    names = [f"Entity {i} é" for i in range(facts.num_entities)]
    names[4], names[5] = names[3], "e6"
    return kg.KnowledgeGraph(
        facts.entities,
        facts.relations,
        np.concatenate([facts.triples, [[0, 0, t] for t in (0, 1, 2, 1)]]).astype("int32"),
        entity_texts=kg.Texts(names=names),
    )


def _model(scorer=None, dim=8, **arguments):
    keras.utils.set_random_seed(3)
    return models.LinkPredictor.from_graph(
        _graph(), scorer or scorers.ComplEx(), dim=dim, **arguments
    )


def _ask(folder, name, **inputs):
    loaded = tf.saved_model.load(str(folder))
    answer = loaded.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
    return {key: value.numpy() for key, value in answer.items()}


def _text(array):
    return np.char.decode(array.astype(bytes), "utf-8").tolist()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    model = _model()
    base = tmp_path_factory.mktemp("saved_models") / "links"
    return model, export.export_link_predictor(model, base, k=K, card={"data": "toy"})


def _check_same(answer, row, kind, wanted):
    assert answer[kind][row] == [item.identifier for item in wanted]
    assert answer["names"][row] == [item.name for item in wanted]
    np.testing.assert_allclose(answer["scores"][row], [i.score for i in wanted], rtol=1e-5)
    assert answer["known"][row]


@pytest.mark.slow
def test_same_answers_in_a_clean_process(exported, run_in_clean_process):
    model, folder = exported
    queries = [("e1", "r2"), ("Entity 7 é", "r0"), ("e0", "r0")]
    heads, relations = map(list, zip(*queries, strict=True))
    answer = run_in_clean_process(folder, "serving_default", {"head": heads, "relation": relations})
    assert set(answer) == {"tails", "names", "scores", "known"}
    for row, query in enumerate(queries):
        _check_same(answer, row, "tails", model.top_tails(*query, k=K))


@pytest.mark.parametrize(
    ("scorer", "arguments"),
    [
        (scorers.ComplEx(), {"reciprocal": False}),
        (scorers.TransE(norm=1), {}),
        (scorers.RotatE(), {"reciprocal": False}),
        (scorers.DistMult(), {"dtype": "mixed_bfloat16"}),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_other_models(scorer, arguments, tmp_path):
    model = _model(scorer, **arguments)
    folder = export.export_link_predictor(model, tmp_path / "m", k=K)
    tails = _ask(folder, "top_tails", head=["e1", "e2"], relation=["r2", "r1"])
    heads = _ask(folder, "top_heads", relation=["r2", "r1"], tail=["e1", "e2"])
    for row, (entity, relation) in enumerate((("e1", "r2"), ("e2", "r1"))):
        wanted = [item.score for item in model.top_tails(entity, relation, k=K)]
        np.testing.assert_allclose(tails["scores"][row], wanted, rtol=1e-5)
        wanted = model.top_heads(relation, entity, k=K)
        np.testing.assert_allclose(heads["scores"][row], [i.score for i in wanted], rtol=1e-5)
        assert _text(heads["heads"])[row][0] == wanted[0].identifier


def test_score_and_embedding(exported):
    model, folder = exported
    names = {"head": ["e1", "Entity 2 é"], "relation": ["r0", "r1"], "tail": ["e3", "e6"]}
    answer = _ask(folder, "score", **names)
    wanted = model.score(np.array([1, 2]), np.array([0, 1]), np.array([3, 6]))
    np.testing.assert_allclose(answer["score"], wanted, rtol=1e-6)
    answer = _ask(folder, "embed_entities", entity=["e6", "Entity 7 é", "nobody"])
    np.testing.assert_array_equal(answer["embedding"][:2], model.entity_vectors()[6:8])
    np.testing.assert_array_equal(answer["embedding"][2], np.zeros(8))
    assert answer["known"].tolist() == [True, True, False]


@pytest.mark.parametrize(
    "query",
    [
        ("nobody", "r0"),
        ("e1", "nothing"),
        ("", ""),
        ("Entity 3 é", "r0"),  # the name of two
        ("Entity 5 é", "r0"),  # nobody's: entity 5 is called otherwise
    ],
)
def test_unknown_names_are_told_and_leave_other_rows_alone(exported, query):
    _, folder = exported
    alone = _ask(folder, "top_tails", head=["e1"], relation=["r0"])
    answer = _ask(folder, "top_tails", head=["e1", query[0]], relation=["r0", query[1]])
    assert answer["known"].tolist() == [True, False]
    np.testing.assert_allclose(answer["scores"][0], alone["scores"][0], rtol=1e-6)
    assert _text(answer["tails"]) == [_text(alone["tails"])[0], [""] * K]
    assert _text(answer["names"])[1] == [""] * K
    assert answer["scores"][1].tolist() == [NO_SCORE] * K
    answer = _ask(folder, "top_heads", relation=["r0", query[1]], tail=["e1", query[0]])
    assert answer["known"].tolist() == [True, False]
    assert _text(answer["heads"])[1] == [""] * K
    answer = _ask(
        folder, "score", head=["e1", query[0]], relation=["r0", query[1]], tail=["e1", "e1"]
    )
    assert answer["known"].tolist() == [True, False]
    assert answer["score"][0] > NO_SCORE == answer["score"][1]


def test_an_identifier_is_meant_before_a_name(exported):
    model, folder = exported
    answer = _ask(folder, "embed_entities", entity=["e6"])
    np.testing.assert_array_equal(answer["embedding"][0], model.entity_vectors()[6])


def test_neighbours_are_facts_of_the_entity(tmp_path):
    graph = _graph()
    folder = export.export_link_predictor(_model(), tmp_path / "m", k=K, known=graph)
    answer = _ask(folder, "neighbours", entity=["e2", "nobody"])
    assert answer["known"].tolist() == [True, False]
    assert answer["name"][0].decode() == graph.entity_name(2)
    told = {
        (relation, entity, name, bool(inverse))
        for relation, entity, name, inverse in zip(
            *(_text(answer[key][0]) for key in ("relations", "entities", "names")),
            answer["inverse"][0],
            strict=True,
        )
        if entity
    }
    facts = np.unique(graph.triples, axis=0).tolist()
    assert told == {
        (graph.relations[r], graph.entities[end], graph.entity_name(end), inverse)
        for h, r, t in facts
        for end, inverse in ([(t, False)] if h == 2 else []) + ([(h, True)] if t == 2 else [])
    }
    assert not np.char.str_len(answer["entities"][1].astype(bytes)).any()


def test_of_many_facts_some_of_every_kind_are_told():
    triples = [(0, 0, t) for t in range(60)] + [(0, 1, t) for t in range(40)] + [(1, 0, 3)]
    entities = [f"e{i}" for i in range(60)]
    graph = kg.KnowledgeGraph(entities, ["r", "s"], np.array(triples, "int32"))
    relations, answers = KnownAnswers(graph, "tail").around(tf.constant([0, 1, 2]), 10)
    assert np.bincount(relations[0]).tolist() == [6, 4]
    assert len(set(zip(relations.numpy()[0], answers.numpy()[0], strict=True))) == 10
    assert answers.numpy()[1:].tolist() == [[3, *[-1] * 9], [-1] * 10]


def test_known_answers_are_left_out(tmp_path):
    model, graph = _model(), _graph()
    folder = export.export_link_predictor(model, tmp_path / "m", k=26, known=graph)
    heads, relations = ["e1", "e0", "e0"], ["r2", "r0", "r1"]
    answer = _ask(folder, "top_tails", head=heads, relation=relations)
    for row, query in enumerate(zip(heads, relations, strict=True)):
        wanted = model.top_tails(*query, k=26, known=graph)
        assert _text(answer["tails"])[row] == [item.identifier for item in wanted]
    answer = _ask(folder, "top_heads", relation=relations, tail=heads)
    for row, query in enumerate(zip(relations, heads, strict=True)):
        wanted = model.top_heads(*query, k=26, known=graph)
        assert _text(answer["heads"])[row] == [item.identifier for item in wanted]
    answer = _ask(folder, "top_tails", head=["nobody"], relation=["r0"])
    assert not answer["known"].any()
    assert not export.check_saved_model(folder)


def test_fewer_answers_than_k_are_filled_up(tmp_path):
    model, graph = _model(), _graph()
    folder = export.export_link_predictor(model, tmp_path / "m", k=30, known=graph)
    answer = _ask(folder, "top_tails", head=["e1"], relation=["r2"])
    known = {graph.entities[t] for h, r, t in graph.triples.tolist() if (h, r) == (1, 2)}
    tails = _text(answer["tails"])[0]
    assert set(tails[: 30 - len(known)]) == set(graph.entities) - known
    assert tails[30 - len(known) :] == [""] * len(known)
    assert answer["scores"][0, 30 - len(known) :].tolist() == [NO_SCORE] * len(known)
    assert answer["known"].tolist() == [True]


def test_a_graph_without_facts_leaves_nothing_out(tmp_path):
    model, graph = _model(), _graph()
    empty = graph.with_triples(graph.triples[:0])
    folder = export.export_link_predictor(model, tmp_path / "m", k=2, known=empty)
    answer = _ask(folder, "top_tails", head=["e0"], relation=["r0"])
    wanted = [item.identifier for item in model.top_tails("e0", "r0", k=2)]
    assert _text(answer["tails"]) == [wanted]


@pytest.mark.parametrize("scorer", [scorers.ComplEx(), scorers.RotatE()])
def test_inputs_of_unequal_length_are_refused(scorer, tmp_path):
    folder = export.export_link_predictor(_model(scorer), tmp_path / "m", k=K)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Shapes of all inputs must match"):
        _ask(folder, "top_tails", head=["e1"], relation=["r0", "r1"])


def test_each_vector_is_stored_once_beside_warmup_and_card(exported):
    model, folder = exported
    assert not export.check_saved_model(folder)
    assert {path.name for path in (folder / "assets").iterdir()} == {
        "entities.tsv",
        "entity_identifiers.txt",
        "entity_names.txt",
        "relations.tsv",
    }
    data = sum(path.stat().st_size for path in (folder / "variables").glob("*.data-*"))
    vectors = 4 * (model.entity_vectors().size + model.relation_vectors().size)
    assert vectors <= data < 1.5 * vectors + 4096
    warmup = folder / "assets.extra" / "tf_serving_warmup_requests"
    # Five signatures, one of them by two names, with 1, 8 and 32 rows.
    assert sum(1 for _ in tf.data.TFRecordDataset(str(warmup))) == 18
    card = json.loads((folder / "assets.extra" / "model.json").read_text())
    assert (card["data"], card["model"]) == ("toy", "LinkPredictor")
    assert card["sizes"] == {"entities": 30, "relations": 3}


def test_what_cannot_be_exported(tmp_path):
    model, graph = _model(), _graph()
    with pytest.raises(ValueError, match=r"`k` must be at most 30, the entities\. Received: 31"):
        export.export_link_predictor(model, tmp_path / "m", k=31)
    with pytest.raises(ValueError, match="`k` must be a positive integer"):
        export.export_link_predictor(model, tmp_path / "m", k=0)
    wrong = r"`known` must have the 3 relations of the model.* Received: a graph of 6"
    with pytest.raises(ValueError, match=wrong):
        export.export_link_predictor(model, tmp_path / "m", known=graph.with_inverses())
    other = kg.KnowledgeGraph(graph.entities[::-1], graph.relations, graph.triples)
    with pytest.raises(ValueError, match="`known` must have the 30 entities of the model"):
        export.export_link_predictor(model, tmp_path / "m", known=other)
    nameless = models.LinkPredictor.from_graph(graph, scorers.DistMult(), dim=4, vocabulary=None)
    with pytest.raises(ValueError, match="`model` must have a vocabulary"):
        export.export_link_predictor(nameless, tmp_path / "m")
    spaced = models.Vocabulary([*graph.entities[:-1], "two  spaces"], graph.relations)
    model = _model(vocabulary=spaced)
    with pytest.raises(ValueError, match=r"no white space but single spaces inside.*'two  spaces'"):
        export.export_link_predictor(model, tmp_path / "m")
    assert not list(tmp_path.iterdir())
