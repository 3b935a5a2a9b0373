"""A student beside its teacher: the loss by hand, and who learns what."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import layers, losses, models, optimizers, pipelines, scorers
from tests import lands, toy
from tests.losses.test_distillation import _reference
from tests.processes import one_and_two


@pytest.fixture(scope="module")
def world():
    facts = toy.graph()
    return facts, *toy.claims(facts, 64)


def _distilled(student, teacher, **arguments):
    model = models.KnowledgeDistillation(student, teacher, **arguments)
    head = getattr(student, "head", None)
    model.compile(
        keras.optimizers.Adam(1e-2),
        head and head.loss(),
        metrics=head and [head.accuracy()],
        jit_compile=False,
    )
    return model


def _fit(model, world, epochs=2, **arguments):
    facts, inputs, labels = world
    joint = facts if getattr(model, "student", model).triples is not None else None
    return toy.fit(model, joint, inputs, labels, epochs, batch_size=16, **arguments)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_loss(world, weight):
    _, inputs, labels = world
    student, teacher = toy.model(), toy.model(compiled=False)
    teacher.set_weights([20 * value for value in teacher.get_weights()])
    model = _distilled(student, teacher, temperature=3.0, weight=weight)
    rows = [
        _reference(t, s, 3.0)
        for t, s in zip(teacher(inputs).numpy(), student(inputs).numpy(), strict=True)
    ]
    own = student.head.loss()(labels, student(inputs))
    expected = (1 - weight) * float(own) + weight * np.mean(rows)
    found = model.evaluate(inputs, labels, batch_size=24, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["loss"], expected, rtol=1e-4)
    names = {"loss", "accuracy"}
    if weight < 1:
        np.testing.assert_allclose(found["student_loss"], own, rtol=1e-4)
        names |= {"student_loss"}
    if weight > 0:
        np.testing.assert_allclose(found["distillation_loss"], np.mean(rows), rtol=1e-4)
        names |= {"distillation_loss"}
    assert set(found) == names
    weights = np.linspace(0, 1, 64).astype("float32")
    found = model.evaluate(
        inputs, labels, sample_weight=weights, batch_size=64, verbose=0, return_dict=True
    )
    own = student.head.loss()(labels, student(inputs), weights)
    expected = (1 - weight) * float(own) + weight * np.dot(rows, weights) / 64
    np.testing.assert_allclose(found["loss"], expected, rtol=1e-4)


def test_the_teacher_does_not_change_and_the_student_follows_it(world):
    _, inputs, labels = world
    student, teacher = toy.model(), toy.model(compiled=False)
    before = [weight.copy() for weight in teacher.get_weights()]
    model = _distilled(student, teacher, weight=1.0)
    log = toy.fit(model, None, inputs, labels, 10, batch_size=16)
    for weight, old in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    assert log["distillation_loss"][-1] < 0.1 * log["distillation_loss"][0]
    assert len(model.trainable_weights) == len(student.trainable_weights)
    np.testing.assert_array_equal(
        model.predict(inputs, verbose=0), student.predict(inputs, verbose=0)
    )


def test_without_weight_the_student_is_alone(world):
    ends = []
    for wrapped in (False, True):
        keras.utils.set_random_seed(5)
        student = toy.model(layers.SumFusion())
        model = _distilled(student, toy.model(), weight=0.0) if wrapped else student
        log = _fit(model, world)
        ends.append([*student.get_weights(), log["loss"], log["accuracy"], log["kg_loss"]])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-7)


def test_logits_may_ride_along(world):
    _, inputs, labels = world
    teacher = toy.model()
    logits = teacher.predict(inputs, verbose=0)
    ends = []
    for given in (False, True):
        keras.utils.set_random_seed(5)
        student = toy.model()
        x = {**inputs, "teacher_logits": logits} if given else inputs
        model = _distilled(student, None if given else teacher)
        log = toy.fit(model, None, x, labels, 2, batch_size=16)
        ends.append([*student.get_weights(), log["loss"], log["distillation_loss"]])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-6)
    # Without them there is nothing to learn from; to evaluate, the student's own loss will do.
    found = model.evaluate(inputs, labels, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["loss"], found["student_loss"], rtol=1e-5)
    with pytest.raises(ValueError, match=r"must have `teacher_logits`.*Received: \['entity_ids'"):
        toy.fit(model, None, inputs, labels, 1, batch_size=16)


def test_saves_and_reloads(world, tmp_path):
    _, inputs, _ = world
    model = _distilled(toy.model(layers.SumFusion()), toy.model(), temperature=4.0, weight=0.25)
    _fit(model, world, 1)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert (again.temperature, again.weight) == (4.0, 0.25)
    np.testing.assert_array_equal(
        again.predict(inputs, verbose=0), model.predict(inputs, verbose=0)
    )
    assert again.optimizer is again.student.optimizer
    # They go on alike.
    found = [_fit(each, world, 2, first_epoch=1)["loss"] for each in (model, again)]
    np.testing.assert_allclose(*found, rtol=1e-5)
    model.student.save(tmp_path / "student.keras")
    student = keras.models.load_model(tmp_path / "student.keras")
    np.testing.assert_array_equal(
        student.predict(inputs, verbose=0), model.predict(inputs, verbose=0)
    )


def test_a_plain_keras_student():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 4)).astype("float32"), rng.integers(0, 3, 32)

    def plain():
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])

    model = models.KnowledgeDistillation(plain(), plain())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    log = model.fit(x, y, batch_size=8, epochs=3, verbose=0).history
    assert log["loss"][-1] < log["loss"][0]
    assert set(log) == {"loss", "accuracy", "student_loss", "distillation_loss"}


def test_a_graph_teaches_a_text_model():
    facts = lands.graph()
    told, texts = facts.with_inverses(), lands.texts(facts)
    teacher = models.LinkPredictor.from_graph(facts, scorers.DistMult(), 8)
    batches = pipelines.text_triple_batches(told, texts, batch_size=8)
    batches = batches.map(
        lambda x: {
            **x,
            "teacher_logits": teacher.score_tails(x["head"], x["relation"], x["tail"]),
        }
    )
    student = lands.model(temperature=0.5)
    model = models.KnowledgeDistillation(student, temperature=2.0, weight=0.6)
    model.compile("adam", losses.CrossEntropyLoss())
    x = next(iter(batches))
    outputs = student(x)
    own = float(student.compute_loss(x, None, outputs, training=True))
    scores = outputs["query"].numpy() @ outputs["tail"].numpy().T
    given = np.asarray(teacher.score_tails(x["head"], x["relation"]))[:, x["tail"].numpy()]
    far = np.mean([_reference(t, s, 2.0) for t, s in zip(given, scores, strict=True)])
    found = float(model.compute_loss(x, None, model(x), training=True))
    np.testing.assert_allclose(found, 0.4 * own + 0.6 * far, rtol=1e-4)
    log = model.fit(batches, steps_per_epoch=5, epochs=4, shuffle=False, verbose=0).history
    assert log["loss"][-1] < log["loss"][0]
    assert set(log) == {"loss", "accuracy", "student_loss", "distillation_loss"}


def test_a_graph_teaches_a_smaller_one():
    facts = toy.graph()
    teacher, student = (
        models.LinkPredictor.from_graph(facts, scorers.ComplEx(), dim) for dim in (16, 8)
    )
    model = models.KnowledgeDistillation(student, teacher, weight=1.0)
    model.compile(optimizers.SparseAdagrad(0.1), losses.CrossEntropyLoss())
    x = next(iter(pipelines.one_vs_all_batches(facts.with_inverses(), batch_size=8)))
    ids = x["head"], x["relation"]
    pairs = zip(teacher.score_tails(*ids).numpy(), student.score_tails(*ids).numpy(), strict=True)
    expected = np.mean([_reference(t, s, 2.0) for t, s in pairs])
    found = float(model.compute_loss(x, None, model(x), training=True))
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, None, model(x, training=True), training=True)
    tables = [variable.value for variable in student.trainable_variables]
    assert all(np.any(tf.convert_to_tensor(g) != 0) for g in tape.gradient(loss, tables))


@pytest.mark.parametrize("named", [0, 1])
def test_one_of_two_has_names(named, tmp_path):
    facts = toy.graph()
    pair = [models.LinkPredictor.from_graph(facts, scorers.DistMult(), 8) for _ in range(2)]
    pair[1 - named].vocabulary = None
    models.KnowledgeDistillation(*pair).save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert [m.vocabulary is None for m in (again.student, again.teacher)] == [
        m.vocabulary is None for m in pair
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight": 1.5}, r"`weight` must be between 0 and 1. Received: 1\.5"),
        ({"weight": True}, "`weight` must be between 0 and 1"),
        ({"temperature": 0}, "`temperature` must be above 0"),
        ({"student": keras.layers.Dense(3)}, "`student` must be a functional keras.Model"),
    ],
)
def test_wrong_arguments(arguments, message):
    arguments = {"student": toy.model(), **arguments}
    with pytest.raises(ValueError, match=message):
        models.KnowledgeDistillation(arguments.pop("student"), **arguments)


_TWO = """
import json, sys
import numpy as np
from kgkeras import layers, models, text, training

rng = np.random.default_rng(0)
x = {
    "token_ids": rng.integers(4, 30, (32, 8)).astype("int32"),
    "padding_mask": np.ones((32, 8), bool),
    "teacher_logits": rng.normal(size=(32, 3)).astype("float32"),
}
with training.make_strategy(int(sys.argv[1])).scope():
    training.set_seed(0)
    student = models.JointModel(text.LSTMEncoder(30, 8), layers.ClassificationHead(3))
    model = models.KnowledgeDistillation(student)
    model.compile("adam", student.head.loss(), metrics=["accuracy"])
log = model.fit(x, rng.integers(0, 3, 32), batch_size=8, shuffle=False, verbose=0).history
print(json.dumps(log))
"""


@pytest.mark.slow
def test_metrics_of_two_replicas():
    one, two = one_and_two(_TWO)
    assert one.keys() == two.keys() == {"loss", "accuracy", "student_loss", "distillation_loss"}
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, err_msg=name)


def test_validation_without_a_teacher_logs_no_distance(world):
    _, inputs, labels = world
    model = _distilled(toy.model(), None)
    logits = np.zeros((len(labels), 2), "float32")
    log = model.fit(
        {**inputs, "teacher_logits": logits}, labels, validation_data=(inputs, labels), verbose=0
    ).history
    assert "distillation_loss" in log
    assert "val_student_loss" in log
    assert "val_distillation_loss" not in log
