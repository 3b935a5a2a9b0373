"""One model of several tasks: its losses, training, tasks that come and go, files."""

import keras
import numpy as np
import pytest
from keras import ops

from kgkeras import layers, losses, models, optimizers, pipelines
from tests import tasks

SHARINGS = ("hard", "soft", "stitch", "routed", "progressive")


def batch(**sizes):
    """Flat inputs and labels of all tasks."""
    data = {task: tasks.examples(task, sizes.get(task, 4)) for task in tasks.NAMES}
    return {task: x for task, (x, _) in data.items()}, {task: y for task, (_, y) in data.items()}


def numpy(structure):
    return keras.tree.map_structure(ops.convert_to_numpy, structure)


def test_losses_are_those_of_the_tasks():
    model = tasks.model(weighing=layers.FixedWeights({"graph": 3.0}))
    x, y = batch(truth=6, graph=2)
    logs = model.test_on_batch(x, y, return_dict=True)
    total = 0.0
    for task in tasks.NAMES:
        y_pred = model.task_model(task)(x[task])
        loss = tasks.LOSSES[task]()(y[task], y_pred)
        assert logs[f"{task}_loss"] == pytest.approx(float(loss), rel=1e-5)
        total += (3.0 if task == "graph" else 1.0) * float(loss)
    assert logs["loss"] == pytest.approx(total, rel=1e-5)
    assert not any(name.endswith("_weight") for name in logs)


def test_the_loss_counts_examples_of_all_tasks():
    """Keras would count those of the first task, of which a step may have none."""
    model = tasks.model()
    streams = {task: stream.take(1) for task, stream in tasks.streams().items()}
    together = pipelines.task_batches(streams)
    alone = [
        model.evaluate(together.skip(place).take(1), return_dict=True, verbose=0)["loss"]
        for place in range(len(streams))
    ]
    logs = model.evaluate(together, return_dict=True, verbose=0)
    assert logs["loss"] == pytest.approx(float(np.mean(alone)), rel=1e-5)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_saved_and_loaded(sharing, tmp_path):
    model = tasks.model(sharing)
    x, y = batch()
    model.optimizer.build(model.trainable_variables)
    if sharing == "hard":
        model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(
        keras.tree.flatten(model(x)), keras.tree.flatten(loaded(x)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    # One table of entities, not one for each part that looks up in it.
    assert model.count_params() == loaded.count_params()
    assert loaded.heads["graph"].triples.entities is loaded.heads["questions"].triples.entities
    assert models.MultiTaskModel.from_config(model.get_config()).count_params() == (
        model.count_params()
    )
    if sharing == "hard":  # the optimizer goes on where it was
        for each in (model, loaded):
            each.train_on_batch(x, y)
        tables = [each.heads["graph"].triples.entities.table for each in (model, loaded)]
        np.testing.assert_allclose(*tables, atol=1e-5)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_tasks_come_and_go(sharing):
    parts = tasks.Parts()
    model = parts.model(sharing)
    x, _y = batch()
    before = numpy(model(x))
    head = layers.ClassHead(layers.ClassificationHead(3), name="new_head")
    part = parts.part(sharing)
    if part is not None:
        with pytest.raises(ValueError, match=r"needs .* for a new task"):
            model.with_task("topic", head)
    more = model.with_task("topic", head, part)
    x["topic"], _ = tasks.examples("truth", 5)
    after = numpy(more(x))
    for task in tasks.NAMES:
        np.testing.assert_allclose(after[task], before[task], atol=1e-6)
    assert after["topic"].shape == (5, 3)
    less = more.without_task("truth")
    after = numpy(less(x))
    assert sorted(after) == sorted({*tasks.NAMES, "topic"} - {"truth"})
    np.testing.assert_allclose(after["questions"], before["questions"], atol=1e-6)
    with pytest.raises(ValueError, match="must be a new task's"):
        model.with_task("truth", head)
    with pytest.raises(ValueError, match="must be one of several tasks"):
        model.without_task("topic")


def test_a_single_task_is_logged_under_its_name():
    model = tasks.Parts().model(names=("truth",))
    x, y = batch()
    logs = model.test_on_batch({"truth": x["truth"]}, {"truth": y["truth"]}, return_dict=True)
    assert sorted(logs) == ["loss", "truth_accuracy", "truth_loss"]
    assert logs["loss"] == logs["truth_loss"]


def test_only_a_new_task_learns():
    parts = tasks.Parts()
    model = parts.model()
    x, y = batch()
    before = numpy(model(x))
    more = model.with_task("topic", layers.ClassHead(layers.ClassificationHead(2)))
    more.sharing.trainable = False
    for task in tasks.NAMES:
        more.heads[task].trainable = False
    made = {**tasks.LOSSES, "topic": tasks.LOSSES["truth"]}
    more.compile("adam", loss={task: loss() for task, loss in made.items()}, jit_compile=False)
    x["topic"], y["topic"] = tasks.examples("truth", 8)
    first = more.train_on_batch(x, y, return_dict=True)["topic_loss"]
    for _ in range(20):
        last = more.train_on_batch(x, y, return_dict=True)["topic_loss"]
    assert last < first
    after = numpy(more(x))
    for task in tasks.NAMES:
        np.testing.assert_array_equal(after[task], before[task])


@pytest.mark.slow
def test_trains_by_fit_on_mixed_streams():
    model = tasks.model()
    log = model.fit(
        pipelines.mixed_batches(tasks.streams(), dict.fromkeys(tasks.NAMES, 1.0)),
        steps_per_epoch=40,
        epochs=3,
        validation_data=pipelines.task_batches({t: s.take(2) for t, s in tasks.streams().items()}),
        verbose=0,
        shuffle=False,
    ).history
    for task in tasks.NAMES:
        assert log[f"{task}_loss"][-1] < log[f"{task}_loss"][0]
        assert f"val_{task}_loss" in log
        assert f"{task}_weight" in log
    # Each step lacks three of the tasks.
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert 0 <= log["val_truth_accuracy"][-1] <= 1


@pytest.mark.slow
@pytest.mark.parametrize("weighing", [layers.PCGrad, layers.GradNorm])
def test_gradients_of_equal_weights_are_those_of_the_sum(weighing):
    """With nothing to weigh, a step by gradients is the stock step."""

    class Even(weighing):
        def gradient_weights(self, losses, present, products):
            return ops.ones_like(losses)

    x, y = batch()
    states = []
    for chosen in (layers.FixedWeights(), Even()):
        keras.utils.set_random_seed(3)
        model = tasks.model(weighing=chosen)
        logs = model.train_on_batch(x, y, return_dict=True)
        states.append((logs["loss"], [w.numpy() for w in model.trainable_variables]))
    assert states[0][0] == pytest.approx(states[1][0], rel=1e-5)
    for ours, theirs in zip(states[0][1], states[1][1], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize("weighing", [layers.FixedWeights, layers.PCGrad])
def test_rows_of_tables_stay_sparse(weighing):
    """The optimizer is given the rows that some task looks up, not the whole table."""

    class Watched(optimizers.SparseAdagrad):
        by_row = ()

        def update_rows(self, gradient, variable, index, learning_rate):
            self.by_row = (*self.by_row, index)
            super().update_rows(gradient, variable, index, learning_rate)

    parts = tasks.Parts()
    model = parts.model(names=("truth", "graph"), weighing=weighing())
    model.compile(
        Watched(0.1),
        loss={task: tasks.LOSSES[task]() for task in ("truth", "graph")},
        jit_compile=False,
    )
    x, y = batch()
    table = parts.triples.entities.table
    used = [x["graph"][name].ravel() for name in ("negatives",)]
    used += [x["graph"]["triples"][..., [0, 2]].ravel(), x["truth"]["entity_ids"].ravel()]
    before = table.numpy()
    model.train_on_batch(x, y)
    moved = np.flatnonzero((table.numpy() != before).any(axis=1))
    assert set(moved.tolist()) == set(np.concatenate(used).tolist()) - {-1}
    place = [variable.path for variable in model.trainable_variables].index(table.path)
    assert place in model.optimizer.by_row


def test_predicts_what_lies_in_rows():
    model = tasks.model()
    batches = pipelines.mixed_batches(tasks.streams(), rows=2).take(2)
    answers = model.predict(batches, verbose=0)
    (x, _), *_ = batches
    flat = {
        task: {name: ops.reshape(c, (8, *c.shape[2:])) for name, c in columns.items()}
        for task, columns in x.items()
    }
    for task, first in model(flat).items():
        assert len(answers[task]) == 16
        np.testing.assert_allclose(answers[task][:8], first, atol=1e-5)


class Doubled(keras.layers.Layer):
    """An encoder of tables."""

    def call(self, entities, relations, training=None, facts=None):
        return 2 * entities, 2 * relations

    def compute_output_shape(self, entities_shape, relations_shape):
        return entities_shape, relations_shape


def test_wrong_parts_and_settings():
    parts = tasks.Parts()
    model = parts.model()
    with pytest.raises(ValueError, match="`sharing` must be a TaskSharing"):
        models.MultiTaskModel(parts.trunk(), model.heads)
    with pytest.raises(ValueError, match=r"`heads\['truth'\]` must be a TaskHead"):
        models.MultiTaskModel(model.sharing, {"truth": keras.layers.Dense(2)})
    with pytest.raises(ValueError, match="`heads` must hold at least one task"):
        models.MultiTaskModel(model.sharing, {})
    with pytest.raises(ValueError, match="`loss` must have an entry for each task"):
        model.compile("adam", loss={"truth": losses.AnswerLoss()})
    with pytest.raises(ValueError, match="`loss` must be a dict by the names of tasks"):
        model.compile("adam", loss="mse")
    with pytest.raises(ValueError, match="`claims` and `entities` must be given together"):
        layers.ClassHead(layers.ClassificationHead(2), entities=parts.triples.entities)
    x, y = batch()
    with pytest.raises(ValueError, match=r"must hold each of the tasks .* Missing: \['truth'\]"):
        model.train_on_batch({task: x[task] for task in tasks.NAMES[1:]}, y)
    encoded = layers.TripleEmbedding(
        parts.triples.entities, parts.triples.relations, encoder=Doubled()
    )
    with pytest.raises(ValueError, match="`triples` must have no encoder"):
        layers.TripleHead(encoded, parts.scorer)
    with pytest.raises(ValueError, match="`reads_words` may be False only with `claims`"):
        layers.ClassHead(layers.ClassificationHead(2), reads_words=False)
