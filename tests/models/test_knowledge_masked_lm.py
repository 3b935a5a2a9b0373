"""Masked language models with knowledge: gradients, twins, learning and files."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import layers, losses, models, scorers, text
from tests import masked_lm
from tests.processes import one_and_two

KINDS = ("text", "fused", "described")


def _loss(model, batch, **changes):
    x, y = batch
    x = {**x, **changes}
    return float(model.compute_loss(x, y, model(x, training=False), training=False))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("text", {}),
        ("fused", {}),
        ("fused", {"fusion": "attention", "entity_candidates": "batch", "fusion_after": None}),
        ("fused", {"text_layers": "one"}),
        ("fused", {"fusion": "sum", "entity_candidates": None, "fusion_after": 0}),
        ("described", {}),
    ],
)
def test_gradients_reach_everything(kind, options):
    if "text_layers" in options:
        options = {"text_layers": [text.transformer_layer(8, 2, 0.0, name="behind")]}
    model = masked_lm.model(kind, **options)
    rate = None if kind == "fused" and not options.get("entity_candidates", True) else 0.5
    x, y = masked_lm.batch(kind, **({"entity_rate": rate} if kind == "fused" else {}))
    weights = model.trainable_weights
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y, model(x, training=True))
    for weight, gradient in zip(
        weights, tape.gradient(loss, [w.value for w in weights]), strict=True
    ):
        assert gradient is not None, weight.path
        assert np.isfinite(gradient).all(), weight.path
        if "key/bias" not in weight.path:  # moves all logits of an attention alike
            assert np.any(gradient != 0), weight.path


def test_the_triples_train_the_encoder():
    model = masked_lm.model("described")
    x, _ = masked_lm.batch("described")
    with tf.GradientTape() as tape:
        loss = model.kg_loss(*model.triple_scores(x, training=True))
    table = model.encoder.token_embedding.embeddings.value
    reached = np.abs(tape.gradient(loss, table)).sum(axis=1) > 0
    assert set(np.flatnonzero(reached)) == set(np.unique(x["description_ids"])) - {0}


def test_without_weight_the_triples_do_nothing():
    x, y = masked_lm.batch()
    alone = {name: x[name] for name in x if name not in ("triples", "negatives", "known")}
    model = masked_lm.model(kg_weight=0.0)

    def gradients(x):
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x, y, model(x, training=True))
        return loss, tape.gradient(loss, [w.value for w in model.trainable_weights])

    (loss, found), (wanted_loss, wanted) = gradients(x), gradients(alone)
    np.testing.assert_array_equal(loss, wanted_loss)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)


def test_text_only_twin():
    model, twin = masked_lm.model(), masked_lm.model("text")
    x, _ = masked_lm.batch()
    assert set(twin.input) == {"token_ids", "padding_mask", "mask_positions"}
    twin.encoder.set_weights(model.encoder.get_weights())
    heads = [m.get_layer("masked_lm_head") for m in (twin, model)]
    heads[0].set_weights(heads[1].get_weights())
    nobody = {**x, "entity_ids": tf.fill(x["entity_ids"].shape, -1)}
    wanted = twin(x)["tokens"]
    np.testing.assert_allclose(model(nobody)["tokens"], wanted, atol=1e-6)
    assert np.abs(model(x)["tokens"] - wanted).max() > 1e-3


@pytest.mark.parametrize("after", [0, 1])
def test_fusion_within_the_encoder(after):
    model = masked_lm.model(fusion_after=after, fusion="sum")
    x, _ = masked_lm.batch()
    encoder = model.encoder
    vectors, linked = model.triples.entities(x["entity_ids"]), x["entity_ids"] >= 0
    tokens = encoder.token_embedding(x["token_ids"])
    words = tokens + encoder.get_layer("position_embedding")(tokens)
    for number in range(2):
        if number == after:
            words = model.fusion(words, vectors, linked)
        words = encoder.get_layer(f"layer_{number}")(words, padding_mask=x["padding_mask"])
    words = encoder.get_layer("normalisation")(words)
    mask = x["padding_mask"].numpy()
    text_encoder = model.text_encoder()
    found = text_encoder({name: x[name] for name in text_encoder.input})
    np.testing.assert_allclose(found.numpy()[mask], words.numpy()[mask], atol=1e-5)
    tokens = {name: x[name] for name in ("token_ids", "padding_mask")}
    same = encoder.encode_with(lambda words: words, after, tokens)
    np.testing.assert_allclose(same, encoder(tokens), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_saves_and_loads(kind, tmp_path):
    options = {}
    if kind == "fused":
        options["text_layers"] = [text.transformer_layer(8, 2, 0.0, name="behind")]
        options["kg_loss"] = losses.NegativeSamplingLoss(2.0)
    model = masked_lm.model(kind, scorer=scorers.TransE(), **options)
    data = masked_lm.batches(kind)
    model.optimizer.build(model.trainable_variables)
    if kind == "fused":
        masked_lm.fit(model, data)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    batch = next(iter(data))
    found, wanted = again(batch[0]), model(batch[0])
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name])
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())
    assert _loss(again, batch) == _loss(model, batch)
    # Tokens are still told by the encoder's own vectors, which move as before.
    assert len(again.trainable_weights) == len(model.trainable_weights)
    head = again.get_layer("masked_lm_head")
    assert head.token_embedding is again.encoder.token_embedding
    if kind == "fused":
        one, two = (masked_lm.fit(m, data) for m in (model, again))
        np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-5)


@pytest.mark.slow
def test_learns_a_language_and_its_graph():
    logs = {}
    for kind in ("text", "fused"):
        model = masked_lm.model(kind, optimizer=keras.optimizers.Adam(2e-2))
        logs[kind] = masked_lm.fit(model, masked_lm.batches(kind), epochs=8, steps=40)
        valid = masked_lm.batches(kind, with_triples=False, first_epoch=1000).take(6)
        logs[kind + " valid"] = model.evaluate(valid, verbose=0, return_dict=True)
    plain, fused = logs["text"], logs["fused"]
    assert set(plain) == {"loss", "mlm_loss", "masked_accuracy", "perplexity"}
    assert set(fused) == {
        *plain,
        "task_loss",
        "entity_loss",
        "entity_accuracy",
        "kg_loss",
        "kg_weight",
    }
    assert set(logs["fused valid"]) == set(fused) - {"kg_loss", "kg_weight"}
    for name in ("mlm_loss", "entity_loss", "kg_loss"):
        assert fused[name][-1] < 0.6 * fused[name][0], name
    assert plain["perplexity"][-1] < 0.5 * plain["perplexity"][0]
    np.testing.assert_allclose(
        fused["loss"], np.add(fused["task_loss"], fused["kg_loss"]), rtol=1e-5
    )
    np.testing.assert_allclose(
        fused["task_loss"], np.add(fused["mlm_loss"], fused["entity_loss"]), rtol=1e-5
    )
    assert logs["fused valid"]["entity_accuracy"] > 0.4  # chance is 0.08


@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")  # that is the point
def test_an_end_of_the_data_counts_nothing():
    model = masked_lm.model("described", kg_weight=0.0)
    data = masked_lm.batches("described").take(3)
    found = model.evaluate(data.filter(lambda *_: True), verbose=0, return_dict=True)
    for name in ("mlm_loss", "task_loss"):
        np.testing.assert_allclose(found[name], found["loss"], rtol=1e-5)


def test_half_precision_is_finite():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = masked_lm.model()
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(_loss(model, masked_lm.batch()))


def test_nothing_hidden_is_no_loss():
    model = masked_lm.model()
    x, y = masked_lm.batch(rate=0.0, entity_rate=0.0, with_triples=False)
    assert _loss(model, (x, y)) == 0.0


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("text", {"entity_candidates": "all"}, "`triples` must be a TripleEmbedding with"),
        (
            "fused",
            {"entity_candidates": "some"},
            "`entity_candidates` must be one of 'all', 'batch'",
        ),
        ("described", {"entity_candidates": "all"}, "a DescribedTriples with neither"),
        ("described", {"fusion": layers.SumFusion()}, "a DescribedTriples with neither"),
        ("text", {"fusion_after": 1}, "`fusion_after` needs a `fusion` and an encoder"),
        ("fused", {"fusion_after": 2}, "`after` must be a number of layers from 0 to 1"),
        ("fused", {"fusion_after": -1}, "`after` must be a number of layers from 0 to 1"),
        ("fused", {"fusion_after": None}, "GatedFusion brings knowledge to linked words"),
        ("text", {"text_layers": ["layer"]}, "`text_layers` come behind a `fusion`"),
        ("fused", {"kg_weight": -1.0}, "`kg_weight` must be finite and at least 0"),
        ("fused", {"max_mentions": 0}, "`max_mentions` must be a positive integer"),
        ("text", {"vocabulary_size": 7}, "`vocabulary_size` must be 20, that of the encoder"),
    ],
)
def test_bad_arguments(kind, arguments, message):
    if kind == "described" and "fusion" in arguments:
        relations = layers.RelationEmbedding(2, 6)
        with pytest.raises(ValueError, match=message):
            models.KnowledgeMaskedLM(
                masked_lm.encoder(), layers.DescribedTriples(relations), **arguments
            )
        return
    with pytest.raises(ValueError, match=message):
        masked_lm.model(kind, **arguments)


def test_only_a_model_of_descriptions_reads_them():
    with pytest.raises(ValueError, match="Only a model with `DescribedTriples` reads descriptions"):
        masked_lm.model().entity_vectors(masked_lm.descriptions())
    with pytest.raises(ValueError, match="`relations` must be a RelationEmbedding"):
        layers.DescribedTriples("relations")


_REPLICAS = """
import json, sys
import keras
from kgkeras import training
from tests import masked_lm

training.set_seed(3)
results = {}
for kind in ("fused", "described"):
    with training.make_strategy(int(sys.argv[1])).scope():
        model = masked_lm.model(kind, optimizer=keras.optimizers.SGD(0.1))
    options = {} if kind == "fused" else {"documents": [0] * 48}
    log = masked_lm.fit(model, masked_lm.batches(kind, **options), epochs=2)
    results[kind] = {name: [float(v) for v in values] for name, values in log.items()}
    results[kind]["weights"] = [float(abs(w).sum()) for w in model.get_weights()]
print(json.dumps(results))
"""


@pytest.mark.slow
def test_one_replica_equals_two():
    one, two = one_and_two(_REPLICAS)
    for kind, wanted in one.items():
        assert wanted.keys() == two[kind].keys()
        for name, values in wanted.items():
            np.testing.assert_allclose(two[kind][name], values, rtol=5e-4, atol=1e-6, err_msg=name)
