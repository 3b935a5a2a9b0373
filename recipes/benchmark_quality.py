"""How long it takes to a quality: seconds of training until a filtered valid MRR, beside PyKEEN.

Trains ComplEx on the same facts, of the same size, on the same number of threads, and looks at the
MRR of the same validation facts every few seconds; looks are not counted, nor is what is done once
(the first batch). PyKEEN is tried with each of some settings of its own, and the best one counts.

    python recipes/benchmark_quality.py --pykeen_python PYKEEN_ENV/bin/python

2 quiet CPU cores, FB15k-237, `--limit 200 --pykeen_settings 3,2,1`: a valid MRR of .30 after 30
seconds; the best of PyKEEN's settings, Adagrad .2 with N3, has .294 after 200.
"""

import dataclasses
import json
import os
import pathlib
import random

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

# isort: split
import kgkeras  # before Keras: it sets TensorFlow's defaults

# isort: split
import keras
import pykeen_rates
import tensorflow as tf
from rich.console import Console
from rich.table import Table
from stopwatch import TimeUpError, Until

from kgkeras import datasets, evaluation, losses, models, optimizers, pipelines, training
from kgkeras.scorers import ComplEx
from kgkeras.training import setting

# PyKEEN's own default of optimizer and rate, and what suits ComplEx better.
PYKEEN = {
    "Adam .001": dict(optimizer="adam", learning_rate=0.001),
    "Adagrad .1": dict(optimizer="adagrad", learning_rate=0.1),
    "Adagrad .1, small start": dict(optimizer="adagrad", learning_rate=0.1, scale=0.001),
    "Adagrad .2, N3": dict(optimizer="adagrad", learning_rate=0.2, n3=0.05),
}


@dataclasses.dataclass(frozen=True)
class Config:
    """The benchmark's whole configuration."""

    data: str = setting("FB15k-237", "a benchmark in $KGKERAS_DATA, or a folder such as there")
    goal: float = setting(0.3, "filtered MRR, both sides, of validation facts")
    dim: int = setting(200, "real numbers an entity")
    batch_size: int = setting(512, "queries a batch")
    learning_rate: float = setting(0.2, "rate of Adagrad")
    regularizer: float = setting(0.05, "weight of the cubic (N3) penalty")
    valid_triples: int = setting(2000, "validation facts whose MRR is watched")
    every: float = setting(5.0, "seconds of training between two looks")
    limit: float = setting(600.0, "seconds of training after which the goal is given up")
    threads: int | None = setting(None, "threads of each; as many as cores where None")
    pykeen_batch_size: int = setting(256, "PyKEEN's queries a batch")
    pykeen_settings: str = setting(",".join(map(str, range(len(PYKEEN)))), "which to try")
    pykeen_python: str | None = setting(None, "interpreter of PyKEEN's environment; None for ours")
    seed: int = setting(0, "seed of every random choice")


class AfterBatch(keras.callbacks.Callback):
    """Calls a function after each batch."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def on_train_batch_end(self, batch, logs=None):
        self.function(batch)


def ours(config):
    """Pairs of seconds and MRR."""
    splits = datasets.load(config.data)
    facts = splits.train.with_inverses()
    model = models.LinkPredictor.from_graph(
        splits, ComplEx(), config.dim, regularizer=kgkeras.regularizers.N3(config.regularizer)
    )
    model.compile(optimizers.SparseAdagrad(config.learning_rate), losses.CrossEntropyLoss())
    # The facts that PyKEEN's half watches, too.
    count = min(config.valid_triples, splits.valid.num_triples)
    rows = random.Random(0).sample(range(splits.valid.num_triples), count)
    watched, known = splits.valid.triples[rows], evaluation.TrueTriples(splits)
    ranker = evaluation.Ranker(model)
    until = Until(
        lambda: ranker.rank(watched, known).metrics()["mrr"],
        config.goal,
        config.every,
        config.limit,
    )
    shape = dict(batch_size=config.batch_size, max_answers=16)
    try:
        model.fit(
            pipelines.query_batches(facts, seed=config.seed, **shape),
            steps_per_epoch=pipelines.query_steps(facts, *shape.values()),
            epochs=1000,
            callbacks=[AfterBatch(until)],
            shuffle=False,
            verbose=0,
        )
    except TimeUpError:
        return until.history


def chosen(config):
    """Names of the settings of PyKEEN's that are tried."""
    places, names = config.pykeen_settings.split(","), list(PYKEEN)
    if unknown := set(places) - set(map(str, range(len(names)))):
        raise ValueError(
            f"`pykeen_settings` must be numbers below {len(names)}, with commas between. "
            f"Received: {sorted(unknown)}."
        )
    return [names[int(place)] for place in places]


def theirs(config):
    """Pairs of a name and what PyKEEN's half reports, of each of its settings."""
    limit = config.limit
    folder = pathlib.Path(os.environ.get("KGKERAS_DATA", "."), config.data)
    for name in chosen(config):
        asked = pykeen_rates.Config(
            data=str(folder),
            dim=config.dim,
            threads=config.threads or os.cpu_count(),
            batch_size=config.pykeen_batch_size,
            valid_triples=config.valid_triples,
            until_mrr=config.goal,
            every=2 * config.every,
            limit=limit,
            seed=config.seed,
            **PYKEEN[name],
        )
        found = pykeen_rates.pykeen_rates(asked, config.pykeen_python)
        limit = found["seconds"] or limit  # the others need not take longer
        yield name, found


def main(config):
    """Runs both; returns the seconds of each."""
    if config.threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(config.threads)
    training.set_seed(config.seed)
    chosen(config)  # fails before it trains
    table = Table(
        title=f"{config.data}, ComplEx, dim {config.dim}: to a valid MRR of {config.goal}"
    )
    for column in ("", "seconds", "MRR"):
        table.add_column(column)
    history = ours(config)
    seconds, mrr = history[-1]
    reached = seconds if mrr >= config.goal else None
    table.add_row("kgkeras", f"{seconds:.0f}", f"{mrr:.3f}")
    others = {}
    if config.pykeen_python is not None:
        for name, found in theirs(config):
            others[name] = found["seconds"]
            last = found["history"][-1]
            table.add_row(f"PyKEEN, {name}", f"{last[0]:.0f}", f"{last[1]:.3f}")
    Console().print(table)
    best = min((value for value in others.values() if value), default=None)
    result = {
        "recipe": "benchmark_quality",
        "seconds": reached,
        "pykeen_seconds": best,
        "ratio": best and reached and round(best / reached, 2),
        "history": history,
    }
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
