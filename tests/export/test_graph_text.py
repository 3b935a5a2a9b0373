"""A model of texts and their subgraphs from plain strings to its exported twin."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import export, graph, kg, layers, models, pipelines, text

TEXTS = ("Lima is in Peru.", "São Paulo lies in Brazil!", "nothing known here", "", "Lima, Brazil")
CLASSES = ("false", "true")
FACTS = [
    ("lima", "city_in", "peru"),
    ("sao_paulo", "city_in", "brazil"),
    ("peru", "borders", "brazil"),
    ("peru", "borders", "chile"),
    ("cusco", "city_in", "peru"),
]
NAMES = {"lima": "Lima", "peru": "Peru", "sao_paulo": "São Paulo", "brazil": "Brazil"}
MODES = {
    "attention": layers.AttentionFusion,
    "linked": layers.SumFusion,
    "interaction": layers.InteractionFusion,
}


@pytest.fixture(scope="module")
def knowledge():
    plain = kg.KnowledgeGraph.from_triples(FACTS)
    texts = kg.Texts(names=tuple(NAMES.get(entity, "") for entity in plain.entities))
    return kg.KnowledgeGraph(plain.entities, plain.relations, plain.triples, entity_texts=texts)


@pytest.fixture(scope="module")
def preprocessor(knowledge):
    tokenizer = text.WordTokenizer.from_texts(TEXTS)
    return text.Preprocessor(tokenizer, text.DictionaryLinker.from_graph(knowledge), 16)


@pytest.fixture(scope="module")
def sampler(knowledge):
    # Two facts of an entity: Peru's have to be chosen among.
    return pipelines.SubgraphSampler(knowledge, hops=2, fan_out=2, max_nodes=16, max_edges=16)


def _model(knowledge, preprocessor, mode, head=None):
    keras.utils.set_random_seed(5)
    relations = 2 * knowledge.num_relations
    return models.GraphTextModel(
        text.LSTMEncoder(preprocessor.tokenizer.vocabulary_size, 8),
        head or layers.ClassificationHead(2),
        layers.TripleEmbedding.from_sizes(knowledge.num_entities, knowledge.num_relations, 8),
        [graph.RelationalGraphAttention(8, 2, relations + 2, activation="tanh")],
        num_relations=relations,
        mode=mode,
        fusion=MODES[mode](),
        text_layers=[text.transformer_layer(8, 2)] if mode == "interaction" else (),
        relevance=layers.NodeRelevance(4),
        max_mentions=3,
    )


@pytest.fixture(
    scope="module",
    params=[
        "linked",
        *(pytest.param(m, marks=pytest.mark.slow) for m in ("attention", "interaction")),
    ],
)
def exported(request, knowledge, preprocessor, sampler, tmp_path_factory):
    model = _model(knowledge, preprocessor, request.param)
    base = tmp_path_factory.mktemp("saved_models") / request.param
    folder = export.export_graph_text_model(
        model, preprocessor, knowledge, sampler, CLASSES, base, samples=TEXTS, card={"data": "toy"}
    )
    return model, folder


def _scores(model, preprocessor, sampler):
    encoded = pipelines.encode_texts(preprocessor, TEXTS)
    batches = pipelines.text_batches(encoded, np.zeros(len(TEXTS)), len(TEXTS))
    batches = pipelines.graph_text_batches(batches, sampler, max_mentions=3, seed=None)
    return np.asarray(model.head.probabilities(model.predict(batches, verbose=0)))


@pytest.mark.slow
def test_same_numbers_in_a_clean_process(exported, preprocessor, sampler, run_in_clean_process):
    model, folder = exported
    scores = _scores(model, preprocessor, sampler)
    answer = run_in_clean_process(folder, "serving_default", {"text": list(TEXTS)})
    assert answer["label"] == [CLASSES[i] for i in scores.argmax(axis=-1)]
    np.testing.assert_allclose(answer["score"], scores.max(axis=-1), rtol=1e-5)
    assert answer["entities"] == [
        ["Lima", "Peru", ""],
        ["São Paulo", "Brazil", ""],
        ["", "", ""],
        ["", "", ""],
        ["Lima", "Brazil", ""],
    ]


def test_signatures_rows_and_facts(exported, preprocessor, sampler, knowledge):
    model, folder = exported
    assert not export.check_saved_model(folder)
    loaded = tf.saved_model.load(str(folder))
    assert set(loaded.signatures) == {
        "serving_default",
        "predict",
        "predict_ids",
        "classify",
        "explain",
        "embed_entities",
    }
    card = json.loads((folder / "assets.extra" / "model.json").read_text())
    assert (card["data"], card["model"]) == ("toy", "GraphTextModel")
    sizes = {"tokens": preprocessor.tokenizer.vocabulary_size, "classes": 2}
    assert card["sizes"] == {**sizes, "entities": 6, "relations": 2}
    scores = _scores(model, preprocessor, sampler)
    encoded = pipelines.encode_texts(preprocessor, TEXTS)
    found = loaded.signatures["predict_ids"](**{k: tf.constant(v) for k, v in encoded.items()})
    np.testing.assert_allclose(found["scores"], scores, rtol=1e-5)
    # A row does not depend on those beside it, nor on how many.
    for row in range(len(TEXTS)):
        alone = {name: tf.constant(column[row : row + 1]) for name, column in encoded.items()}
        found = loaded.signatures["predict_ids"](**alone)["scores"]
        np.testing.assert_allclose(found[0], scores[row], rtol=1e-4)
    empty = loaded.signatures["serving_default"](text=tf.constant([], tf.string))
    assert empty["label"].shape == (0,)
    # The facts are variables, once each.
    checkpoint = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    names = [n for n in checkpoint.get_variable_to_shape_map() if "_CHECKPOINTABLE" not in n]
    held = [np.asarray(checkpoint.get_tensor(name)).tobytes() for name in names]
    triples = knowledge.triples[np.lexsort(knowledge.triples.T[::-1])]
    for column in (triples[:, 0], triples[:, 2]):
        assert held.count(np.ascontiguousarray(column, "int32").tobytes()) == 1


def test_what_cannot_be_exported(knowledge, preprocessor, sampler, tmp_path):
    model = _model(knowledge, preprocessor, "linked")
    for classes in (("yes",), ("a", "b", "c")):
        with pytest.raises(ValueError, match="`classes` must hold 2 names"):
            export.export_graph_text_model(
                model, preprocessor, knowledge, sampler, classes, tmp_path / "m"
            )
    few = kg.KnowledgeGraph.from_triples(FACTS[:4])
    one_way = pipelines.SubgraphSampler(knowledge, inverses=False)
    for graph_, sampler_ in (
        (few, sampler),
        (knowledge, pipelines.SubgraphSampler(few)),
        (knowledge, one_way),
    ):
        with pytest.raises(ValueError, match=r"must have the model's 6 entities.* 4 relations"):
            export.export_graph_text_model(
                model, preprocessor, graph_, sampler_, CLASSES, tmp_path / "m"
            )
    assert not list(tmp_path.iterdir())
