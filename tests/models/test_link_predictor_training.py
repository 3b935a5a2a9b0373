"""Equivalent trainings of a link predictor end alike: resumed, and on two replicas."""

import numpy as np
import pytest

from kgkeras import evaluation, losses, models, optimizers, pipelines, scorers, training
from tests import toy
from tests.processes import one_and_two

_SCRIPT = """
import json, sys
from kgkeras import losses, models, optimizers, pipelines, regularizers, scorers, training
from tests import toy

training.set_seed(3)
facts = toy.graph()
told = facts.with_inverses()
weights = {}
with training.make_strategy(int(sys.argv[1])).scope():
    for kind in ("queries", "sampled"):
        training.set_seed(3)
        model = models.LinkPredictor.from_graph(
            facts, scorers.ComplEx(), 16, regularizer=regularizers.N3(0.1), relation_weight=0.5
        )
        model.compile(optimizers.SparseAdagrad(0.1), losses.CrossEntropyLoss())
        if kind == "queries":
            batches = pipelines.query_batches(told, batch_size=32, max_answers=4)
        else:
            batches = pipelines.sampled_batches(
                told, batch_size=32, num_negatives=8, chunk_size=4, filtered=True
            )
        log = model.fit(batches, steps_per_epoch=20, epochs=2, verbose=0, shuffle=False).history
        weights[kind] = model.entity_vectors().ravel().tolist() + log["loss"] + log["penalty"]
print(json.dumps(weights))
"""


@pytest.mark.slow
def test_one_replica_equals_two():
    one, two = one_and_two(_SCRIPT)
    for kind in one:
        np.testing.assert_allclose(two[kind], one[kind], rtol=1e-3, atol=1e-4, err_msg=kind)


def _run(folder, epochs, facts, seed=5):
    """Trains, or goes on, in a folder; returns the model and the filtered ranks."""
    training.set_seed(seed)
    model = models.LinkPredictor.from_graph(facts, scorers.ComplEx(), 16)
    model.compile(optimizers.LazyAdam(0.01), losses.CrossEntropyLoss())
    run = training.TrainingRun(folder, {}, monitor="val_mrr")
    first = run.restore(model)
    told = facts.with_inverses()
    model.fit(
        pipelines.sampled_batches(told, batch_size=32, num_negatives=8, first_epoch=first),
        steps_per_epoch=pipelines.triple_steps(told, 32),
        initial_epoch=first,
        epochs=epochs,
        callbacks=[evaluation.RankingCallback(facts, facts, every=2), *run.callbacks()],
        verbose=0,
        shuffle=False,
    )
    return model, evaluation.rank(model, facts, facts)


def test_a_resumed_training_ranks_as_an_uninterrupted_one(tmp_path):
    facts = toy.graph()
    model, ranks = _run(tmp_path / "whole", 6, facts)
    _run(tmp_path / "parts", 3, facts)
    resumed, ranks_again = _run(tmp_path / "parts", 6, facts)
    np.testing.assert_array_equal(resumed.entity_vectors(), model.entity_vectors())
    for side in ("head", "tail"):
        np.testing.assert_array_equal(ranks_again.ranks(side), ranks.ranks(side))
