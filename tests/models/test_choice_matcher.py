"""The chooser by nearness, beside NumPy's own computation and after facts."""

import json

import keras
import numpy as np
import pytest

from kgkeras import losses, models, pipelines, text
from tests import lands
from tests.processes import one_and_two

CHOICES = 4


def questions(relation):
    """Which city, or which tongue, does a land have? Only one choice shares the land's name."""
    rng = np.random.default_rng(0)
    kind = lands.KINDS[1 + lands.RELATIONS.index(relation)]
    asked, choices, labels = [], [], []
    for name in lands.NAMES:
        others = [other for other in lands.NAMES if other != name]
        row, label = list(rng.permutation(others)[: CHOICES - 1]), int(rng.integers(CHOICES))
        row.insert(label, name)
        asked.append(f"{name} a land has {relation}")
        choices.append([f"{other} a {kind}" for other in row])
        labels.append(label)
    return asked, choices, np.array(labels)


def encoded(asked, choices):
    preprocessor = text.Preprocessor(lands.tokenizer(), sequence_length=16)
    return pipelines.encode_choices(preprocessor, asked, choices)


def compiled(model, rate=0.03):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile(keras.optimizers.Adam(rate), loss, metrics=[accuracy], jit_compile=False)
    return model


def test_logits_are_the_scores_of_the_links():
    links = lands.model(temperature=0.1)
    asked, choices, _ = questions("capital")
    inputs = encoded(asked, choices)
    table = links.encoder.get_layer("words").get_weights()[0]

    def read(prefix):
        tokens = inputs[f"{prefix}token_ids"].reshape(-1, 16)
        return lands.vectors(table, tokens, inputs[f"{prefix}padding_mask"].reshape(-1, 16).sum(1))

    wanted = np.einsum("qd,qcd->qc", read(""), read("choice_").reshape(-1, CHOICES, 8)) / 0.1
    model = models.ChoiceMatcher(links)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), wanted, rtol=1e-4, atol=1e-4)
    turned = {name: c[:, ::-1] if "choice" in name else c for name, c in inputs.items()}
    np.testing.assert_allclose(
        model.predict(turned, verbose=0), wanted[:, ::-1], rtol=1e-4, atol=1e-4
    )


def test_facts_that_the_links_have_learned_are_answers():
    keras.utils.set_random_seed(1)
    facts = lands.graph()
    asked, choices, labels = questions("capital")
    inputs, links = encoded(asked, choices), lands.model()
    model = compiled(models.ChoiceMatcher(links))
    before = model.evaluate(inputs, labels, verbose=0, return_dict=True)["loss"]
    links.compile(keras.optimizers.Adam(0.03), losses.CrossEntropyLoss())
    batches = pipelines.text_triple_batches(
        facts.with_inverses(), lands.texts(facts), batch_size=10
    )
    links.fit(batches, steps_per_epoch=60, verbose=0, shuffle=False)
    after = model.evaluate(inputs, labels, verbose=0, return_dict=True)
    assert after["accuracy"] == 1
    assert after["loss"] < before / 2


def test_learns_saves_and_reloads(tmp_path):
    keras.utils.set_random_seed(1)
    asked, choices, labels = questions("language")
    # Two encoders, so that one name is not the same vector on both sides from the start.
    links = lands.model(entity_encoder=lands.encoder(name="entity_encoder"))
    inputs, model = encoded(asked, choices), compiled(models.ChoiceMatcher(links))
    log = model.fit(inputs, labels, epochs=60, verbose=0).history
    assert log["accuracy"][-1] > 0.85 > log["accuracy"][0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.predict(inputs, verbose=0), model.predict(inputs, verbose=0)
    )
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())
    assert again.links.sharpness.trainable


def test_needs_links():
    with pytest.raises(ValueError, match=r"`links` must be a TextLinkPredictor. Received: .*Seq"):
        models.ChoiceMatcher(keras.Sequential())


_SCRIPT = """
import json, sys
from kgkeras import models, pipelines, training
from tests import lands
from tests.models import test_choice_matcher as tested

asked, choices, labels = tested.questions("capital")
with training.make_strategy(int(sys.argv[1])).scope():
    training.set_seed(3)
    model = tested.compiled(models.ChoiceMatcher(lands.model()))
    inputs = tested.encoded(asked, choices)
    batches = pipelines.joint_batches(inputs, labels, batch_size=4)
    log = model.fit(batches, steps_per_epoch=2, epochs=3, verbose=0, shuffle=False).history
    weights = [float(abs(weight).sum()) for weight in model.get_weights()]
    answers = model.predict(pipelines.text_batches(inputs, labels, 4), verbose=0)
    print(json.dumps([*sum(log.values(), []), *weights, *answers.ravel().tolist()]))
"""


@pytest.mark.slow
def test_one_replica_equals_two():
    one, two = one_and_two(_SCRIPT)
    np.testing.assert_allclose(two, one, rtol=1e-3, atol=1e-4)
