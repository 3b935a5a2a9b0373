"""A tagger from a plain string to its exported twin."""

import json

import numpy as np
import pytest
import tensorflow as tf

from kgkeras import export, text
from tests.export import small

TYPES = ("place", "land")
TEXTS = (*small.TEXTS, "Perú and São Paulo, Brazil \u00e9 Lima in " + "Peru " * 20)


@pytest.fixture(scope="module")
def facts():
    return small.knowledge()


@pytest.fixture(scope="module")
def preprocessor(facts):
    tokenizer = text.WordTokenizer.from_texts(TEXTS)
    return text.Preprocessor(tokenizer, text.DictionaryLinker.from_graph(facts), 16)


@pytest.mark.parametrize("knows", [True, False])
def test_tells_spans(facts, preprocessor, tmp_path, knows):
    model = small.tagger(facts if knows else None)
    parts = {"preprocessor": preprocessor, "classes": TYPES, "card": {"data": "toy"}}
    folder = export.export_model(model, tmp_path / "m", graph=facts if knows else None, **parts)
    assert not export.check_saved_model(folder)
    card = json.loads((folder / "assets.extra" / "model.json").read_text())
    assert card["data"] == "toy"
    signatures = tf.saved_model.load(str(folder)).signatures
    assert ("explain" in signatures) == ("embed_entities" in signatures) == knows
    told = {k: v.numpy() for k, v in signatures["predict"](text=tf.constant(TEXTS)).items()}
    counts = set()
    for row, line in enumerate(TEXTS):
        wanted = small.spans(model, preprocessor, line, TYPES)
        count = len(wanted["spans"])
        counts.add(count)
        for name in ("spans", "types", *["entities"] * knows):
            found = [item.decode() for item in told[name][row]]
            assert found == wanted[name] + [""] * (16 - count), name
        np.testing.assert_allclose(told["scores"][row, :count], wanted["scores"], rtol=1e-5)
        assert not told["scores"][row, count:].any()
        for start, end, span in zip(
            told["starts"][row], told["ends"][row], wanted["spans"], strict=False
        ):
            assert line.encode()[start:end].decode() == span
        assert (told["starts"][row, count:] == -1).all()
    assert len(counts) > 2
    encoded = preprocessor(TEXTS)
    logits = np.asarray(model(encoded, training=False))
    scores = signatures["predict_ids"](**encoded)["scores"]
    np.testing.assert_allclose(scores, tf.nn.softmax(logits), rtol=1e-5)


@pytest.mark.slow
def test_bytes_that_are_no_text(facts, preprocessor, tmp_path):
    model = small.tagger(facts)
    folder = export.export_token_tagger(
        model, preprocessor, facts, TYPES, tmp_path / "m", max_spans=2
    )
    predict = tf.saved_model.load(str(folder)).signatures["predict"]
    told = predict(text=tf.constant([b"\xff Lima \x00 is in Peru.", b""]))
    assert told["spans"].shape == (2, 2)
    clean = predict(text=tf.constant(["\ufffd Lima   is in Peru."]))
    np.testing.assert_array_equal(told["spans"][:1], clean["spans"])


@pytest.mark.slow
def test_however_sure_and_however_odd(facts, tmp_path):
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "lima", "peru", "near"]
    tokenizer = text.WordPieceTokenizer.from_vocabulary(pieces)
    reads = text.Preprocessor(tokenizer, text.DictionaryLinker.from_graph(facts), 18)
    model = small.tagger(facts)
    bias = np.array([0.0, 0.0, 0.0, 0.0, 500.0])
    model.head.logits.set_weights([model.head.logits.get_weights()[0] * 0, bias])
    folder = export.export_token_tagger(model, reads, facts, TYPES, tmp_path / "m")
    predict = tf.saved_model.load(str(folder)).signatures["predict"]
    told = predict(text=tf.constant(["Lima near Peru", "\u0301 " * 17 + "Lima near"]))
    assert told["spans"].numpy()[0, 0].decode() == "Lima near Peru"
    # Words that the row has no room for are not tagged.
    assert not told["spans"].numpy()[1].any()


def test_what_cannot_be_exported(facts, preprocessor, tmp_path):
    model = small.tagger(facts)
    with pytest.raises(ValueError, match=r"`classes` must name the types of the head's 5 tags"):
        export.export_token_tagger(model, preprocessor, facts, ("a",), tmp_path / "m")
    with pytest.raises(ValueError, match="`graph` must be given with a model of texts and a graph"):
        export.export_token_tagger(model, preprocessor, None, TYPES, tmp_path / "m")
    with pytest.raises(ValueError, match="A TokenTagger needs `preprocessor`, `graph`, `classes`"):
        export.export_model(model, tmp_path / "m", preprocessor=preprocessor)
    assert not list(tmp_path.iterdir())
