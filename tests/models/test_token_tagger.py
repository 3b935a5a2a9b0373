"""Words tagged with what the graph knows about them."""

import keras
import numpy as np
import pytest

from kgkeras import layers, losses, metrics, models, pipelines
from tests import toy
from tests.processes import one_and_two

TAGS = 5


def make_world():
    """Names of two words, whose type is the entity's parity; a last token that tells nothing."""
    rng = np.random.default_rng(0)
    length = rng.integers(5, 9, (256, 1))
    tokens = rng.integers(1, toy.VOCABULARY - 4, (256, 16))
    entities, tags = np.full((2, 256, 16), -1)
    tags[:] = 0
    entities[:, 1:3] = rng.integers(0, toy.NUM_ENTITIES, (256, 1))
    tokens[:, 1], tokens[:, 2] = toy.VOCABULARY - 3, toy.VOCABULARY - 2  # "a name"
    tags[:, 1] = 1 + 2 * (entities[:, 1] % 2)
    tags[:, 2] = tags[:, 1] + 1
    inside = np.arange(16) < length
    inputs = {
        "token_ids": np.where(inside, tokens, 0).astype("int32"),
        "padding_mask": inside,
        "entity_ids": np.where(inside, entities, -1).astype("int32"),
    }
    # Of a word of several tokens the first speaks.
    return inputs, np.where(inside & (np.arange(16) != 4), tags, -1).astype("int32")


def tagger(knows=True, **arguments):
    if knows:
        sizes = toy.NUM_ENTITIES, toy.NUM_RELATIONS, 16
        arguments["triples"] = layers.TripleEmbedding.from_sizes(*sizes)
        arguments.setdefault("fusion", layers.GatedFusion())
    model = models.TokenTagger(toy.encoder(), layers.ClassificationHead(TAGS), **arguments)
    model.compile(
        keras.optimizers.Adam(1e-2),
        losses.HiddenTokenLoss(),
        metrics=[metrics.SpanF1()],
        jit_compile=False,
    )
    return model


@pytest.fixture(scope="module")
def world():
    return make_world()


def test_tags_by_the_entity(world, tmp_path):
    inputs, tags = world
    text_only, model = tagger(knows=False), tagger()
    log = toy.fit(model, toy.graph(), inputs, tags, 8)
    assert log["f1"][-1] > 0.95
    assert {"task_loss", "kg_loss"} <= set(log)
    assert toy.fit(text_only, None, inputs, tags, 8)["f1"][-1] < 0.75
    logits = model.predict(inputs, verbose=0)
    assert logits.shape == (256, 16, TAGS)
    # The loss is that of the tokens that speak, and so is the figure.
    figures = model.evaluate(pipelines.text_batches(inputs, tags, 64), verbose=0, return_dict=True)
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    told = np.take_along_axis(logs, np.maximum(tags, 0)[..., None], axis=-1)[..., 0]
    loss = -np.mean(np.sum(told * (tags >= 0), axis=1) / np.sum(tags >= 0, axis=1))
    np.testing.assert_allclose(figures["loss"], loss, rtol=1e-4)
    metric = metrics.SpanF1()
    metric.update_state(tags, logits)
    np.testing.assert_allclose(figures["f1"], metric.result(), rtol=1e-6)
    weights = model.fusion_weights().predict(inputs, verbose=0)
    assert ((weights > 0) == (inputs["entity_ids"] >= 0)).all()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again) is models.TokenTagger
    np.testing.assert_array_equal(again.predict(inputs, verbose=0), logits)


def test_batches_without_triples_in_half_precision(world):
    inputs, tags = world
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tagger()
        model.fit(inputs, tags, batch_size=64, verbose=0)
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(model.predict(inputs, verbose=0)).all()


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="`triples` and `fusion` must be given together"):
        tagger(fusion=None)
    with pytest.raises(ValueError, match="`fusion_after` needs"):
        tagger(fusion_after=1)


_EQUAL = """
import json, sys
import keras
from kgkeras import pipelines, training
from tests import toy
from tests.models import test_token_tagger as own

training.set_seed(1)
inputs, tags = own.make_world()
with training.make_strategy(int(sys.argv[1])).scope():
    model = own.tagger()
    model.optimizer = keras.optimizers.SGD(0.5)
log = toy.fit(model, toy.graph(), inputs, tags, 2)
# Halves of different lengths, that hold no triples.
valid = pipelines.text_batches({k: v[:101] for k, v in inputs.items()}, tags[:101], 64)
log["evaluated"] = model.evaluate(valid, verbose=0, return_dict=True)["f1"]
log["weights"] = [float(abs(w).sum()) for w in model.get_weights()]
print(json.dumps(log))
"""


@pytest.mark.slow
def test_two_replicas():
    one, two = one_and_two(_EQUAL)
    assert set(one) == set(two)
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, atol=1e-5, err_msg=name)
