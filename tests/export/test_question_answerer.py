"""A question answerer from plain questions to its exported twin."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import export, graph, kg, models, pipelines, text
from tests.export import served

K, HOPS, MENTIONS = 3, 2, 2
FACTS = [
    ("ada", "born_in", "sao_paulo"),
    ("bo", "born_in", "sao_paulo"),
    ("cy", "born_in", "lima"),
    ("lima", "city_of", "peru"),
    ("sao_paulo", "city_of", "brazil"),
]
NAMES = {"ada": "Ada", "bo": "Bo", "sao_paulo": "São Paulo", "lima": " ", "peru": "Peru"}
QUESTIONS = (
    "where was Ada born?",
    "in which country was [Cy] born?",
    "who was born in São Paulo as Bo was?",
    "who comes from nowhere?",
    "",
)


@pytest.fixture(scope="module")
def knowledge():
    plain = kg.KnowledgeGraph.from_triples(FACTS)
    texts = kg.Texts(names=tuple(NAMES.get(entity, "") for entity in plain.entities))
    relations = kg.Texts(names=("born in", ""))
    return kg.KnowledgeGraph(
        plain.entities,
        plain.relations,
        plain.triples,
        entity_texts=texts,
        relation_texts=relations,
    )


@pytest.fixture(scope="module")
def preprocessor(knowledge):
    tokenizer = text.WordTokenizer.from_texts(QUESTIONS)
    return text.Preprocessor(tokenizer, text.DictionaryLinker.from_graph(knowledge), 16)


def _model(knowledge, preprocessor, hops=HOPS):
    keras.utils.set_random_seed(5)
    tokenizer = preprocessor.tokenizer
    encoder = text.LSTMEncoder(tokenizer.vocabulary_size, 8)
    walk = graph.RelationWalk(graph.FactIndex.from_graph(knowledge), hops, k=K)
    return models.QuestionAnswerer(
        encoder, walk, mention_id=tokenizer.unknown_id, max_mentions=MENTIONS
    )


@pytest.fixture(scope="module")
def exported(knowledge, preprocessor, tmp_path_factory):
    model = _model(knowledge.with_inverses(), preprocessor)
    base = tmp_path_factory.mktemp("saved_models") / "questions"
    folder = export.export_question_answerer(
        model, preprocessor, knowledge, base, samples=QUESTIONS, card={"data": "toy"}
    )
    return model, folder


@pytest.fixture(scope="module")
def loaded(exported):
    return tf.saved_model.load(str(exported[1]))


def _ask(loaded, name, **inputs):
    answer = loaded.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
    return {key: value.numpy() for key, value in answer.items()}


def _name(knowledge, i):
    name = knowledge.entity_name(i)
    return name if name.strip() else knowledge.entities[i]


def _told(knowledge, walk):
    """The walk as a client reads it, of a graph with inverses."""
    return " ; ".join(
        f"{_name(knowledge, h)} | {knowledge.relation_name(r)} | {_name(knowledge, t)}"
        for h, r, t in walk
        if h >= 0
    )


def _expected(model, preprocessor, knowledge, questions):
    """What the signature must give, made in Python of what the model gives."""
    outputs = model.predict(pipelines.encode_texts(preprocessor, questions), verbose=0)
    both = knowledge.with_inverses()
    ids = outputs["answers"].tolist()
    return {
        "answers": [[_name(both, i) if i >= 0 else "" for i in row] for row in ids],
        "identifiers": [[both.entities[i] if i >= 0 else "" for i in row] for row in ids],
        "scores": outputs["scores"],
        "facts": [[_told(both, walk) for walk in row] for row in outputs["facts"].tolist()],
    }


def _check(answer, wanted):
    for name in ("answers", "identifiers", "facts"):
        assert answer[name] == wanted[name]
    np.testing.assert_allclose(answer["scores"], wanted["scores"], rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_same_answers_in_a_clean_process(exported, preprocessor, knowledge, run_in_clean_process):
    model, folder = exported
    answer = run_in_clean_process(folder, "serving_default", {"question": list(QUESTIONS)})
    assert set(answer) == {"answers", "identifiers", "scores", "facts", "entities", "known"}
    _check(answer, _expected(model, preprocessor, knowledge, QUESTIONS))
    assert answer["entities"] == [["Ada", ""], ["cy", ""], ["São Paulo", "Bo"], ["", ""], ["", ""]]
    assert answer["known"] == [True, True, True, False, False]
    for row in (3, 4):  # nobody was found
        assert answer["answers"][row] == answer["facts"][row] == [""] * K
        assert answer["scores"][row] == [0.0] * K


def test_walks_can_be_read(loaded):
    """All that is within reach of two questions, whichever way the model weighs it."""
    answer = _ask(loaded, "answer", question=["Ada", "brazil"])
    walks = [{f.decode() for f in row} for row in answer["facts"]]
    assert walks[0] == {
        "Ada | born in | São Paulo",
        "Ada | born in | São Paulo ; São Paulo | city_of | brazil",
        "Ada | born in | São Paulo ; São Paulo | inverse of born in | Bo",
    }
    back = "brazil | city_of_inverse | São Paulo"
    assert walks[1] == {
        back,
        f"{back} ; São Paulo | inverse of born in | Ada",
        f"{back} ; São Paulo | inverse of born in | Bo",
    }
    identifiers = {i.decode() for i in answer["identifiers"][0]}
    assert identifiers == {"sao_paulo", "brazil", "bo"}
    # A walk of one fact to an entity whose name is blank.
    answer = _ask(loaded, "answer", question=["Cy"])
    assert b"cy | born in | lima" in answer["facts"][0]
    assert b"lima" in answer["answers"][0]


def test_ids_in_ids_out(exported, loaded, preprocessor):
    model, _ = exported
    encoded = pipelines.encode_texts(preprocessor, QUESTIONS)
    wanted = model.predict(encoded, verbose=0)
    answer = _ask(loaded, "answer_ids", **encoded)
    assert set(answer) == {"answers", "scores", "facts", "supposed"}
    np.testing.assert_array_equal(answer["answers"], wanted["answers"])
    np.testing.assert_array_equal(answer["facts"], wanted["facts"])
    np.testing.assert_allclose(answer["scores"], wanted["scores"], rtol=1e-5, atol=1e-7)
    encoded["entity_ids"][0, 1] = 7
    with pytest.raises(tf.errors.InvalidArgumentError, match="`seeds` must be ids below 7"):
        _ask(loaded, "answer_ids", **encoded)


def test_a_row_does_not_depend_on_the_others(loaded):
    together = _ask(loaded, "answer", question=QUESTIONS)
    for row, question in enumerate(QUESTIONS):
        alone = _ask(loaded, "answer", question=[question])
        for name in alone:
            if name == "scores":
                np.testing.assert_allclose(alone[name][0], together[name][row], rtol=1e-5)
            else:
                np.testing.assert_array_equal(alone[name][0], together[name][row])


def test_no_questions_no_answers(loaded):
    answer = _ask(loaded, "answer", question=np.zeros(0, "S1"))
    shapes = {name: array.shape for name, array in answer.items()}
    assert shapes == {
        **dict.fromkeys(("answers", "identifiers", "scores", "facts"), (0, K)),
        "entities": (0, MENTIONS),
        "known": (0,),
    }


def test_facts_names_and_linker_are_inside(exported, preprocessor, knowledge):
    model, folder = exported
    assert not export.check_saved_model(folder)
    assert {path.name for path in (folder / "assets").iterdir()} == {
        "entity_identifiers.txt",
        "entity_names.txt",
        "relation_names.txt",
        "surface_forms.tsv",
        "words.tsv",
    }
    index = model.walk.facts
    assert index.num_facts == 2 * knowledge.num_triples
    names = [name for name, _ in tf.train.list_variables(str(folder / "variables" / "variables"))]
    variables = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    held = [variables.get_tensor(name).tobytes() for name in names if "_CHECKPOINTABLE" not in name]
    for weight in index.get_weights():
        assert held.count(weight.tobytes()) == 1
    warmup = folder / "assets.extra" / "tf_serving_warmup_requests"
    # Three signatures, one of them by two names, with 1, 8 and 32 rows.
    assert sum(1 for _ in tf.data.TFRecordDataset(str(warmup))) == 12
    card = json.loads((folder / "assets.extra" / "model.json").read_text())
    assert (card["data"], card["model"]) == ("toy", "QuestionAnswerer")
    tokens = preprocessor.tokenizer.vocabulary_size
    assert card["sizes"] == {"entities": 7, "relations": 2, "tokens": tokens}


@pytest.mark.slow
def test_served_over_rest(exported, preprocessor, knowledge):
    model, folder = exported
    encoded = pipelines.encode_texts(preprocessor, QUESTIONS[:1])
    wrong = {name: column.tolist() for name, column in encoded.items()}
    wrong["entity_ids"][0][1] = 99
    rows, columns, refused = served.ask(
        folder,
        ("predict", {"instances": list(QUESTIONS)}),
        ("predict", {"inputs": {"question": list(QUESTIONS)}}),
        ("predict", {"signature_name": "answer_ids", "inputs": wrong}),
    )
    assert rows[0] == columns[0] == 200
    wanted = _expected(model, preprocessor, knowledge, QUESTIONS)
    _check(columns[1]["outputs"], wanted)
    predictions = rows[1]["predictions"]
    _check({name: [row[name] for row in predictions] for name in wanted}, wanted)
    assert [row["known"] for row in predictions] == [True, True, True, False, False]
    assert refused[0] == 400
    assert "`seeds` must be ids below 7" in refused[1]["error"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("inverses", "hops", "question", "told"),
    [
        (
            False,
            3,
            "Cy",
            {"cy | born in | lima": "lima", "cy | born in | lima ; lima | city_of | Peru": "Peru"},
        ),
        (True, 1, "peru", {"Peru | city_of_inverse | lima": "lima"}),
    ],
)
def test_a_graph_as_it_is(knowledge, preprocessor, tmp_path, inverses, hops, question, told):
    walked = knowledge.with_inverses() if inverses else knowledge
    model = _model(walked, preprocessor, hops)
    folder = export.export_question_answerer(model, preprocessor, walked, tmp_path / "m", version=7)
    assert folder == tmp_path / "m" / "7"
    answer = _ask(tf.saved_model.load(str(folder)), "answer", question=[question])
    found = zip(answer["facts"][0], answer["answers"][0], strict=True)
    assert {f.decode(): a.decode() for f, a in found if f} == told


def test_what_cannot_be_exported(knowledge, preprocessor, tmp_path):
    model = _model(knowledge.with_inverses(), preprocessor)
    wanted = "`graph` must have the model's 7 entities and 4 relations, or half"
    few = kg.KnowledgeGraph.from_triples(FACTS[:4])
    more = kg.KnowledgeGraph(knowledge.entities, ("a", "b", "c"), knowledge.triples)
    for other in (few, more):
        with pytest.raises(ValueError, match=wanted):
            export.export_question_answerer(model, preprocessor, other, tmp_path / "m")
    spaced = kg.KnowledgeGraph(
        (*knowledge.entities[:-1], "two  spaces"), knowledge.relations, knowledge.triples
    )
    with pytest.raises(ValueError, match=r"no white space but single spaces inside.*'two  spaces'"):
        export.export_question_answerer(model, preprocessor, spaced, tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_explain_tells_words_and_entities(loaded):
    answer = _ask(loaded, "explain", question=[QUESTIONS[2]])
    words = [word.decode() for word in answer["words"][0] if word]
    assert words == ["who", "was", "born", "in", "São", "Paulo", "as", "Bo", "was", "?"]
    names = [name.decode() for name in answer["entities"][0][: len(words)]]
    assert names == ["", "", "", "", "São Paulo", "São Paulo", "", "Bo", "", ""]
    question = QUESTIONS[2].encode()
    start, end = (int(answer[name][0, 5]) for name in ("starts", "ends"))
    assert question[start:end] == b"Paulo"
