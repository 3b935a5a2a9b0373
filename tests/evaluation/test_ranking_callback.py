import csv

import keras
import numpy as np
import pytest

from kgkeras import evaluation
from tests.evaluation.worlds import TableModel, random_world

NAMES = ["val_mrr", "val_mr", "val_hits@1", "val_hits@3", "val_hits@10"]


class Learner(keras.Model):
    """A bias to fit; ranks as a table does that turns better with each epoch."""

    def __init__(self, table, test):
        super().__init__()
        self.bias = keras.layers.Dense(1)
        self.tables = TableModel(table)
        self.tables.table = keras.Variable(table, trainable=False, dtype="float32")
        self.num_entities, self.num_relations = table.shape[0], table.shape[1]
        self.known, self.ranked = test, 0

    def call(self, inputs):
        return self.bias(inputs)

    def score_tails(self, head, relation, candidates=None):
        self.ranked += 1
        return self.tables.score_tails(head, relation, candidates)

    def score_heads(self, candidates, relation, tail):
        return self.tables.score_heads(candidates, relation, tail)


class Improve(keras.callbacks.Callback):
    """Raises the scores of some more true triples in each epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        table = self.model.tables.table
        better = keras.ops.convert_to_numpy(table).copy()
        better[tuple(self.model.known[: 8 * (epoch + 1)].T)] = 99.0
        table.assign(better)


def _fit(callbacks, epochs, initial_epoch=0):
    table, *_, test = random_world()
    model = Learner(table, test)
    model.compile("sgd", "mse")
    inputs = np.ones((4, 1), "float32")
    history = model.fit(
        inputs,
        inputs,
        epochs=epochs,
        initial_epoch=initial_epoch,
        callbacks=[Improve(), *callbacks],
        verbose=0,
    )
    return model, history.history


def test_later_callbacks_see_the_figures(tmp_path):
    *_, test = random_world()
    ranking = evaluation.RankingCallback(test, test, every=2)
    _, history = _fit(
        [
            ranking,
            keras.callbacks.CSVLogger(str(tmp_path / "history.csv")),
            keras.callbacks.EarlyStopping("val_mrr", mode="max", patience=2),
            keras.callbacks.ModelCheckpoint(
                str(tmp_path / "{epoch}-{val_mrr:.3f}.weights.h5"), save_weights_only=True
            ),
        ],
        epochs=5,
    )
    mrr = history["val_mrr"]
    # Ranked after epochs 1, 2 and 4; epochs 3 and 5 repeat.
    assert mrr[0] < mrr[1] == mrr[2] < mrr[3] == mrr[4]
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", *sorted(NAMES)]
    np.testing.assert_allclose([float(row["val_mrr"]) for row in rows], mrr)
    assert (tmp_path / f"5-{mrr[4]:.3f}.weights.h5").exists()


def test_figures_are_those_of_rank():
    table, train, _, test = random_world()
    ranking = evaluation.RankingCallback(
        test, train, prefix="test_", hits=(2,), sides="tail", tolerance=0.0
    )
    ranking.set_model(TableModel(table))
    ranking.on_train_begin()
    logs = {"loss": 1.0}
    ranking.on_epoch_end(0, logs)
    expected = evaluation.rank(TableModel(table), test, train, sides="tail").metrics(hits=(2,))
    assert logs == {
        "loss": 1.0,
        **{f"test_{name}": expected[name] for name in ("mrr", "mr", "hits@2")},
    }


def test_a_resumed_run_ranks_when_an_uninterrupted_one_would():
    *_, test = random_world()
    model, history = _fit([evaluation.RankingCallback(test, test, every=3)], 6, initial_epoch=4)
    assert np.isnan(history["val_mrr"][0])
    assert history["val_mrr"][1] > 0
    assert set(NAMES) < set(history)
    assert model.ranked > 0


def test_a_sample_is_drawn_once():
    *_, test = random_world()
    first, second, other = (
        evaluation.RankingCallback(test, None, sample=7, seed=seed).triples for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert len(first) == 7
    assert {tuple(row) for row in first} <= {tuple(row) for row in test}
    assert len(evaluation.RankingCallback(test, None, sample=1000).triples) == len(test)


@pytest.mark.parametrize("name", ["every", "sample", "hits"])
def test_errors(name):
    *_, test = random_world()
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer"):
        evaluation.RankingCallback(test, None, **{name: (0,) if name == "hits" else 0})
