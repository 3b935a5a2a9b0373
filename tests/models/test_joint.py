import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import layers, losses, pipelines, scorers
from tests import reference, toy

FUSIONS = [layers.GatedFusion, layers.AttentionFusion, layers.ConcatFusion, layers.SumFusion]
SLOW = [pytest.param(fusion, marks=pytest.mark.slow) for fusion in FUSIONS[2:]]


@pytest.fixture(scope="module")
def world():
    facts = toy.graph()
    return facts, *toy.claims(facts, 512)


def test_learns_a_toy_world_that_text_alone_cannot(world):
    facts, inputs, labels = world
    text_only = toy.fit(toy.model(), None, inputs, labels, 10)
    fused = toy.fit(toy.model(layers.GatedFusion()), facts, inputs, labels, 10)
    assert fused["accuracy"][-1] > 0.9
    assert text_only["accuracy"][-1] < 0.75
    assert fused["kg_loss"][-1] < 0.85 * fused["kg_loss"][0]
    assert set(text_only) == {"loss", "accuracy"}


@pytest.mark.parametrize("fusion", [*FUSIONS[:2], *SLOW])
def test_saves_reloads_and_predicts_the_same(world, fusion, tmp_path):
    facts, inputs, labels = world
    model = toy.model(fusion(), scorer=scorers.ComplEx(), kg_loss=losses.NegativeSamplingLoss(3.0))
    toy.fit(model, facts, inputs, labels, 1)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.predict(inputs, verbose=0), model.predict(inputs, verbose=0)
    )
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())
    assert again.kg_loss.margin == 3.0
    again.compile("sgd", again.head.loss(), jit_compile=False)
    toy.fit(again, facts, inputs, labels, 1)  # both objectives are still there
    assert isinstance(again.scorer, scorers.ComplEx)


@pytest.mark.parametrize(
    ("head", "labels"),
    [
        (layers.ClassificationHead(4), np.arange(64) % 4),
        (layers.ClassificationHead(1, kind="binary"), np.arange(64)[:, None] % 2),
        (layers.ClassificationHead(3, kind="multilabel"), np.eye(3)[np.arange(64) % 3]),
    ],
)
def test_heads(world, head, labels):
    facts, inputs, _ = world
    inputs = {name: column[:64] for name, column in inputs.items()}
    model = toy.model(layers.SumFusion(), head=head)
    history = toy.fit(model, facts, inputs, labels.astype("int32"), 1)
    assert np.isfinite(history["loss"]).all()
    assert model.predict(inputs, verbose=0).shape == (64, head.num_classes)


def test_losses_are_logged_apart_and_add_up(world):
    facts, inputs, labels = world
    model = toy.model(layers.SumFusion(), kg_weight=0.5)
    log = toy.fit(model, facts, inputs, labels, 1)
    np.testing.assert_allclose(
        log["loss"][0], log["task_loss"][0] + 0.5 * log["kg_loss"][0], rtol=1e-5
    )
    evaluation = model.evaluate(
        pipelines.text_batches(inputs, labels, 100), verbose=0, return_dict=True
    )
    assert set(evaluation) == {"loss", "task_loss", "accuracy"}  # nothing said of triples
    np.testing.assert_allclose(evaluation["loss"], evaluation["task_loss"], rtol=1e-5)


def test_weight_follows_a_schedule(world):
    facts, inputs, labels = world
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([15], [2.0, 0.0])
    log = toy.fit(toy.model(layers.SumFusion(), kg_weight=schedule), facts, inputs, labels, 3)
    np.testing.assert_allclose(log["kg_weight"], [2.0, 0.0, 0.0])


def test_dropout_of_the_scorer_is_active_in_training_alone(world):
    facts, inputs, labels = world
    model = toy.model(layers.SumFusion(), scorer=scorers.TuckER(dropout=0.5))
    x, _ = next(iter(pipelines.joint_batches(inputs, labels, facts, batch_size=8)))
    model(x)
    still = [model.triple_scores(x)[1] for _ in range(2)]
    np.testing.assert_array_equal(*still)
    first, second = (model.triple_scores(x, training=True)[1] for _ in range(2))
    assert np.abs(first - second).max() > 0
    # Components are dropped, not triples as a whole.
    assert np.mean(np.asarray(first) == np.asarray(second)) < 0.2


def test_triple_loss_agrees_with_numpy(world):
    facts, inputs, labels = world
    model = toy.model(layers.SumFusion())
    x, _ = next(
        iter(
            pipelines.joint_batches(
                inputs, labels, facts, batch_size=8, triples_per_text=2, num_negatives=5
            )
        )
    )
    model(x)
    loss = model.kg_loss(*model.triple_scores(x))
    entities, relations = (
        np.asarray(table.table) for table in (model.triples.entities, model.triples.relations)
    )
    true = {tuple(row) for row in facts.triples.tolist()}
    expected = []
    for row, negatives in zip(x["triples"].numpy(), x["negatives"].numpy(), strict=True):
        for h, r, t in row.tolist():
            positive = reference.distmult(entities[h], relations[r], entities[t])
            for corrupted in (
                [(h, r, n) for n in negatives.tolist()],
                [(n, r, t) for n in negatives.tolist()],
            ):
                false = np.array([triple for triple in corrupted if triple not in true])
                scores = reference.distmult(
                    entities[false[:, 0]], relations[false[:, 1]], entities[false[:, 2]]
                )
                expected.append(reference.negative_sampling(positive, scores, 0.0, 1.0))
    np.testing.assert_allclose(loss, np.mean(expected), rtol=1e-4)


def test_both_objectives_reach_the_shared_table(world):
    facts, inputs, labels = world
    model = toy.model(layers.SumFusion(), readings=0)
    x, y = next(iter(pipelines.joint_batches(inputs, labels, facts, batch_size=8)))
    table = model.triples.entities.table.value

    def gradient(batch):
        with tf.GradientTape() as tape:
            loss = model.compute_loss(batch, y, model(batch, training=True))
        return np.abs(tape.gradient(loss, table).numpy()).sum(axis=1) > 0

    text_only = {name: x[name] for name in inputs}
    told = set(np.unique(x["entity_ids"])) - {-1}
    assert set(np.flatnonzero(gradient(text_only))) == told
    assert gradient(x).sum() > len(told)


def test_padding_changes_nothing(world):
    _, inputs, _ = world
    fills = {"token_ids": 0, "padding_mask": False, "entity_ids": -1}
    padded = {
        name: np.pad(column, [[0, 0], [0, 7]], constant_values=fills[name])
        for name, column in inputs.items()
    }
    for fusion in FUSIONS:
        model = toy.model(fusion())
        np.testing.assert_allclose(
            model.predict(padded, verbose=0), model.predict(inputs, verbose=0), atol=1e-5
        )


def test_fusion_weights(world):
    _, inputs, _ = world
    for fusion in (layers.GatedFusion(), layers.AttentionFusion()):
        weights = toy.model(fusion).fusion_weights().predict(inputs, verbose=0)
        assert weights.shape == inputs["token_ids"].shape
        assert (weights >= 0).all()
        assert (weights <= 1).all()
        assert weights.max() > 0
    with pytest.raises(ValueError, match="Only fusion layers that weigh knowledge"):
        toy.model(layers.SumFusion()).fusion_weights()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kg_weight": -0.1}, r"`kg_weight` must be finite and at least 0. Received: -0\.1"),
        ({"kg_weight": float("nan")}, "`kg_weight` must be finite"),
        (
            {"kg_loss": losses.NegativeSamplingLoss(reduction="sum")},
            "`kg_loss` must have the reduction 'sum_over_batch_size'",
        ),
        ({"max_mentions": 0}, "`max_mentions` must be a positive integer"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        toy.model(layers.SumFusion(), **arguments)


def test_all_weights_are_there_before_the_first_batch():
    assert len(toy.model(layers.SumFusion(), readings=0).triples.trainable_weights) == 2


def test_triples_without_fusion():
    with pytest.raises(ValueError, match="must be given together, or neither"):
        toy.model(triples=layers.TripleEmbedding.from_sizes(3, 2, 4))


@pytest.mark.parametrize(
    ("saved", "loaded"), [("mixed_bfloat16", "float32"), ("float32", "mixed_bfloat16")]
)
def test_precision_is_kept_in_a_file(world, saved, loaded, tmp_path):
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(saved)
        model = toy.model(layers.GatedFusion(), compiled=False)
        keras.config.set_dtype_policy(loaded)
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
    finally:
        keras.config.set_dtype_policy(before)
    for layer in model.layers:
        if not isinstance(layer, keras.Model):  # these ask their own layers
            assert again.get_layer(layer.name).dtype_policy.name == layer.dtype_policy.name
    inputs, _ = toy.claims(toy.graph(), 16)
    found = again.predict(inputs, verbose=0)
    np.testing.assert_array_equal(found, model.predict(inputs, verbose=0))
