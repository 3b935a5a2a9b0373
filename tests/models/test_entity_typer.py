"""One marked mention, typed with what the graph knows about it."""

import keras
import numpy as np
import pytest

from kgkeras import layers, models
from tests import toy

OPENS, CLOSES = 46, 47


@pytest.fixture(scope="module")
def world():
    """Sentences "w <e> entity </e> w" whose words tell nothing; the type is the entity's parity."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, OPENS, (256, 6))
    tokens[:, [1, 3]] = OPENS, CLOSES
    entities = np.full((256, 6), -1)
    entities[:, 2] = rng.integers(0, toy.NUM_ENTITIES, 256)
    inputs = {
        "token_ids": tokens.astype("int32"),
        "padding_mask": np.ones((256, 6), bool),
        "entity_ids": entities.astype("int32"),
    }
    return inputs, (entities[:, 2] % 2).astype("int32")


def typer(knows=True, head=None, **arguments):
    if knows:
        sizes = toy.NUM_ENTITIES, toy.NUM_RELATIONS, 16
        arguments["triples"] = layers.TripleEmbedding.from_sizes(*sizes)
    head = head or layers.ClassificationHead(2)
    model = models.EntityTyper(toy.encoder(), head, (OPENS, CLOSES), **arguments)
    model.compile(keras.optimizers.Adam(1e-2), head.loss(), metrics=[head.accuracy()])
    return model


def test_types_by_the_entity(world, tmp_path):
    inputs, labels = world
    text_only, model = typer(knows=False), typer(fusion=layers.GatedFusion())
    log = toy.fit(model, toy.graph(), inputs, labels, 8)
    assert log["accuracy"][-1] > 0.95
    assert {"task_loss", "kg_loss"} <= set(log)
    assert toy.fit(text_only, None, inputs, labels, 8)["accuracy"][-1] < 0.75
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again) is models.EntityTyper
    np.testing.assert_array_equal(
        again.predict(inputs, verbose=0), model.predict(inputs, verbose=0)
    )
    np.testing.assert_array_equal(again.marked_entities(inputs)[:, 0], inputs["entity_ids"][:, 2])


def test_several_types(world):
    inputs, labels = world
    model = typer(head=layers.ClassificationHead(3, kind="multilabel"))
    log = toy.fit(model, toy.graph(), inputs, np.eye(3, dtype="int32")[labels], 1)
    assert np.isfinite(log["loss"]).all()
    assert model.predict(inputs, verbose=0).shape == (256, 3)


def test_an_unlinked_mention_is_told_apart_from_a_vector_of_zeros(world):
    inputs, _ = world
    model = typer()
    model.triples.entities.table.assign(np.zeros((toy.NUM_ENTITIES, 16)))
    unlinked = {**inputs, "entity_ids": np.full_like(inputs["entity_ids"], -1)}
    assert not np.allclose(model.predict(unlinked, verbose=0), model.predict(inputs, verbose=0))


def test_four_marks():
    with pytest.raises(ValueError, match=r"`marks` must be 2 different token ids, which open and"):
        models.EntityTyper(toy.encoder(), layers.ClassificationHead(2), (1, 2, 3, 4))
