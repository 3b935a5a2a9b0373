"""Exported masked language models answer as the model does."""

import numpy as np
import pytest
import tensorflow as tf

from kgkeras import export, kg, pipelines, text
from kgkeras.export.link_parts import NO_SCORE
from tests.export import served, small

TEXTS = ("Lima is in [MASK].", "[MASK] lies in [MASK]!", "nothing", "")
PLACES = ([4, 0], [1, 4])


@pytest.fixture(scope="module")
def facts():
    return small.knowledge()


@pytest.fixture(scope="module")
def preprocessor(facts):
    return small.masked_preprocessor(facts)


def _inputs(preprocessor, texts=TEXTS):
    """The model's inputs of the first two texts, masks put in by hand."""
    words = [t.replace("[MASK]", "is") for t in texts[:2]]
    encoded = {k: np.array(v) for k, v in pipelines.encode_texts(preprocessor, words).items()}
    mask = preprocessor.tokenizer.mask_id
    encoded["token_ids"][0, 4] = mask
    encoded["token_ids"][1, [1, 4]] = mask
    places = np.array(PLACES, "int32")
    segments = np.zeros_like(encoded["token_ids"])
    return {
        **encoded,
        "mask_positions": places,
        "entity_positions": places,
        "segment_ids": segments,
    }


def _softmax(logits):
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    ["table", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("described", "text"))],
)
def test_masks_are_filled(facts, preprocessor, kind, tmp_path):
    graph = None if kind == "text" else facts
    model = small.masked_lm(graph, preprocessor, described=kind == "described")
    folder = export.export_masked_lm(
        model, preprocessor, graph, tmp_path / "m", k=3, max_masks=2, samples=TEXTS
    )
    assert not export.check_saved_model(folder)
    answer = tf.saved_model.load(str(folder)).signatures["serving_default"](text=tf.constant(TEXTS))
    inputs = _inputs(preprocessor)
    outputs = model({name: inputs[name] for name in model.input})
    wanted = _softmax(np.asarray(outputs["tokens"]))
    best = np.argsort(-wanted, axis=-1)[..., :3]
    tokens = np.array(preprocessor.tokenizer.tokens)
    found = answer["tokens"].numpy().astype(str)
    assert found[0, 0].tolist() == tokens[best[0, 0]].tolist()
    assert found[1].tolist() == tokens[best[1]].tolist()
    assert not found[0, 1].any()
    assert not found[2:].any()
    np.testing.assert_allclose(answer["scores"][1], -np.sort(-wanted[1])[:, :3], rtol=1e-5)
    assert not answer["scores"][2:].numpy().any()
    assert ("entities" in answer) == (kind != "text")
    if kind == "table":
        table = model.triples.entities.get_weights()[0]
        wanted = _softmax(np.asarray(outputs["entities"]) @ table.T)
        names = np.array(small.NAMES)[np.argsort(-wanted, axis=-1)[..., :3]]
        assert answer["entity_answers"].numpy()[1].astype("S").tolist() == [
            [name.encode() for name in row] for row in names[1]
        ]
        np.testing.assert_allclose(
            answer["entity_scores"][1], -np.sort(-wanted[1])[:, :3], rtol=1e-4
        )
        assert answer["entities"].numpy()[0, :2].tolist() == [b"Lima", b""]


@pytest.mark.slow
def test_the_table_is_asked_by_name(facts, preprocessor, tmp_path):
    model = small.masked_lm(facts, preprocessor)
    folder = export.export_model(model, tmp_path / "m", preprocessor=preprocessor, graph=facts)
    triples = {
        "head": ["Lima", "nobody"],
        "relation": ["city_in", "city_in"],
        "tail": ["peru", "peru"],
    }
    (status, told), (_, vectors) = served.ask(
        folder,
        ("predict", {"signature_name": "score", "inputs": triples}),
        ("predict", {"signature_name": "embed_entities", "inputs": {"entity": ["Peru", "x"]}}),
    )
    assert status == 200
    h, r, t = model.triples(np.array([0]), np.array([0]), np.array([1]))
    wanted = float(model.scorer(h, r, t)[0])
    assert told["outputs"]["score"] == [
        pytest.approx(wanted, rel=1e-5),
        pytest.approx(NO_SCORE, rel=1e-6),
    ]
    assert told["outputs"]["known"] == [True, False]
    table = model.triples.entities.get_weights()[0]
    np.testing.assert_allclose(vectors["outputs"]["embedding"], [table[1], 0 * table[1]], rtol=1e-5)


@pytest.mark.slow
def test_descriptions_are_read(facts, preprocessor, tmp_path):
    model = small.masked_lm(facts, preprocessor, described=True, next_sentence=True)
    folder = export.export_masked_lm(model, preprocessor, facts, tmp_path / "m", samples=TEXTS)
    signatures = tf.saved_model.load(str(folder)).signatures
    texts = ("Lima is here", "Brazil", "")
    encoded = pipelines.encode_texts(preprocessor, texts)
    wanted = model.entity_vectors(encoded)
    found = signatures["embed_text"](text=tf.constant(texts))["embedding"]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    answer = signatures["score"](
        head=tf.constant(texts[:1]),
        relation=tf.constant(["part_of"]),
        tail=tf.constant(texts[1:2]),
    )
    relation = model.triples.relations(np.array([1]))
    score = model.scorer(wanted[:1], relation, wanted[1:2])
    np.testing.assert_allclose(answer["score"], score, rtol=1e-4)
    pair = signatures["next_sentence"](
        first=tf.constant(["Lima is"]), second=tf.constant(["in Peru"])
    )
    joined = pipelines.encode_texts(preprocessor, ["Lima is in Peru"])
    tokens = np.array(joined["token_ids"])[:, :8]
    # Start, two words, end, two words, end.
    end = preprocessor.tokenizer.end_id
    tokens[0, 3:7] = [end, tokens[0, 3], tokens[0, 4], end]
    inputs = {
        "token_ids": tokens,
        "padding_mask": np.arange(8)[None] < 7,
        "segment_ids": (np.arange(8)[None] > 3).astype("int32") * (np.arange(8)[None] < 7),
        "entity_ids": np.full((1, 8), -1),
        "mask_positions": np.zeros((1, 1), "int32"),
    }
    logit = model({name: inputs[name] for name in model.input})["next_sentence"]
    np.testing.assert_allclose(pair["score"], tf.sigmoid(logit)[:, 0], rtol=1e-5)


def test_bad_arguments(facts, preprocessor, tmp_path):
    model, base = small.masked_lm(facts, preprocessor), tmp_path / "m"
    with pytest.raises(ValueError, match="`graph` must be given with a model of texts and a graph"):
        export.export_masked_lm(model, preprocessor, None, base)
    other = small.preprocessor(facts)
    with pytest.raises(ValueError, match=r"`preprocessor` must have a tokenizer with '\[MASK\]'"):
        export.export_masked_lm(model, other, facts, base)
    fewer = kg.KnowledgeGraph(facts.entities[:2], facts.relations, facts.triples[:0])
    with pytest.raises(ValueError, match=rf"the model's {facts.num_entities} entities"):
        export.export_masked_lm(model, preprocessor, fewer, base)
    with pytest.raises(ValueError, match="`max_masks` must be"):
        export.export_masked_lm(model, preprocessor, facts, base, max_masks=0)
    with pytest.raises(ValueError, match="needs `preprocessor`, `graph` and takes `k`, `samples`"):
        export.export_model(model, base, preprocessor=preprocessor)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_word_tokenizer_with_a_mask(facts, tmp_path):
    tokenizer = text.WordTokenizer.from_texts(small.TEXTS, markers=("[MASK]",))
    preprocessor = text.Preprocessor(tokenizer, None, 16)
    model = small.masked_lm(None, preprocessor)
    folder = export.export_model(
        model, tmp_path / "m", preprocessor=preprocessor, k=2, samples=["[MASK]"]
    )
    answer = tf.saved_model.load(str(folder)).signatures["fill_mask"](
        text=tf.constant(["is [MASK]"])
    )
    inputs = {
        **pipelines.encode_texts(preprocessor, ["is [MASK]"]),
        "mask_positions": np.array([[2]], "int32"),
    }
    outputs = model({name: inputs[name] for name in model.input})
    best = np.argsort(-np.asarray(outputs["tokens"])[0, 0])[:2]
    names = [tokenizer.tokens[i].encode() for i in best]
    assert answer["tokens"].numpy()[0, 0].tolist() == names
