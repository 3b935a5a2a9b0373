"""Knowledge-graph embeddings on any benchmark, or on a folder of three TSV files.

Trains a `LinkPredictor`, watches the filtered MRR on validation facts, ranks all test facts from
both sides, writes a report with plots, exports a SavedModel that takes names and gives names, and
says how to serve and ask it.

    python recipes/link_prediction.py
    python recipes/link_prediction.py --data FB15k-237 --scorer complex
    python recipes/link_prediction.py --preset wn18rr/rotate
    python recipes/link_prediction.py --data FOLDER_WITH_TRAIN_VALID_TEST

2 CPU cores, filtered test MRR: umls/complex .952 and kinship/complex .865 (means of five seeds, 8
and 14 s), fb15k-237 with complex .351, distmult .348, rotate .331 and transe .322, wn18rr with
complex .476 and rotate .477 (seed 0, 12 to 38 minutes, a core each); the README has the table.
"""

import dataclasses
import functools
import json
import os
import pathlib
import resource
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

# isort: split
import kgkeras  # before Keras: it sets TensorFlow's defaults

# isort: split
import keras
from link_presets import DEFAULTS, LOSSES, PRESETS, REGIMES
from rich.console import Console
from rich.table import Table

from kgkeras import datasets, evaluation, models, optimizers, pipelines, scorers, training
from kgkeras.training import setting

NAMES = "TransE TransH RotatE DistMult ComplEx RESCAL CP SimplE TuckER QuatE ConvE MuRE PairRE"
SCORERS = {name.lower(): getattr(scorers, name) for name in NAMES.split()}
# Norms of the scorers that measure distances.
NORMS = {"transe": 2, "rotate": 2, "transh": 2, "pairre": 1}
# What may differ between a run and its resumption.
ELSEWHERE = ("run", "export", "resume", "preset")


@dataclasses.dataclass(frozen=True)
class Config:
    """The recipe's whole configuration; a preset or `DEFAULTS` fill in what is None."""

    data: str | None = setting(None, "a benchmark, or a folder of train, valid and test.txt")
    preset: str | None = setting(None, "settings by name", tuple(PRESETS))
    scorer: str | None = setting(None, "what judges triples", tuple(SCORERS))
    norm: int | None = setting(None, "norm of the scorers that measure distances", (1, 2))
    squared: bool | None = setting(None, "score by the square of norm 2")
    dim: int | None = setting(None, "length of an entity's vector")
    reciprocal: bool = setting(True, "learn inverse relations, and ask for tails only")
    regime: str | None = setting(None, "what each triple is compared with", REGIMES)
    max_answers: int = setting(16, "queries regime: answers that share a row")
    num_negatives: int | None = setting(None, "sampled regime: entities to compare a chunk with")
    chunk_size: int | None = setting(None, "sampled regime: triples that share their negatives")
    self_negatives: bool | None = setting(None, "sampled regime: and with what is asked about")
    weigh_negatives: bool | None = setting(None, "sampled regime: let them stand for all entities")
    loss: str = setting("cross_entropy", "loss over the candidates", tuple(LOSSES))
    margin: float | None = setting(None, "margin of the losses that have one, if not theirs")
    optimizer: str | None = setting(None, "row-sparse optimizer", ("adagrad", "adam"))
    learning_rate: float | None = setting(None, "learning rate")
    decay: float | None = setting(None, "times that, after each epoch")
    initial_range: float | None = setting(None, "start uniform in +- this; Glorot where 0")
    regularizer: float | None = setting(None, "weight of the cubic (N3) penalty")
    entity_dropout: float | None = setting(None, "rate of dropping parts of entities' vectors")
    relation_dropout: float = setting(0.0, "the same for relations' vectors")
    relation_weight: float = setting(0.0, "weight of predicting relations")
    epochs: int | None = setting(None, "epochs to train")
    batch_size: int | None = setting(None, "rows a batch")
    evaluate_every: int | None = setting(None, "epochs between two validations")
    valid_limit: int = setting(3000, "validation facts that are ranked while training")
    patience: int | None = setting(None, "epochs without a better val_mrr before it stops")
    run: str | None = setting(None, "folder of the run; below runs/link_prediction where None")
    export: str | None = setting("saved_models/links", "folder of the exported versions")
    seed: int = setting(0, "seed of every random choice")
    devices: int = setting(1, "replicas: GPUs or, where there are none, logical CPU devices")
    resume: bool = setting(True, "go on with an interrupted run")
    limit: int | None = setting(None, "use only so many facts of each split")


def complete(config):
    """Fills in the preset and, behind it, the defaults."""
    chosen = dict(DEFAULTS)
    if config.loss != "cross_entropy":
        chosen["regime"] = "k_vs_all"
    if config.preset:
        data, scorer = config.preset.split("/")
        chosen = chosen | {"data": data, "scorer": scorer} | PRESETS[config.preset]
    if config.loss not in ("margin", "self_adversarial"):
        training.refuse_settings(config, ["margin"], f"--loss {config.loss}")
    # A flag that was given wins over the preset.
    unset = {name: value for name, value in chosen.items() if getattr(config, name) is None}
    config = dataclasses.replace(config, **unset)
    if config.weigh_negatives and (config.regime, config.loss) != ("sampled", "cross_entropy"):
        raise ValueError(
            "--weigh_negatives is for --regime sampled and --loss cross_entropy. "
            f"Received: --regime {config.regime} --loss {config.loss}."
        )
    if config.regime == "queries" and config.loss != "cross_entropy":
        raise ValueError(
            "--regime queries is for --loss cross_entropy: another loss takes a query's answers in "
            f"other rows for wrong ones. Received: --loss {config.loss}."
        )
    if config.run is None:
        name = f"{pathlib.Path(config.data).name}-{config.scorer}-{config.seed}"
        config = dataclasses.replace(config, run=f"runs/link_prediction/{name}")
    return config


def load_splits(config):
    """The splits, cut where `limit` says so."""
    splits = datasets.load(config.data)
    if isinstance(splits, kgkeras.kg.KnowledgeGraph):  # geography has no splits of its own
        splits = splits.split(seed=config.seed)
    return limited(splits, config.limit)


def of_new_entities(data):
    """Whether a benchmark's test graph has other entities than its training graph."""
    return data.lower() in map(str.lower, datasets.names("inductive"))


def load_both(config):
    """The splits to train and validate on, and those to test on: as a rule the same."""
    if not of_new_entities(config.data):
        return (load_splits(config),) * 2
    both = datasets.load_inductive(config.data)
    return tuple(limited(splits, config.limit) for splits in (both.training, both.inference))


def limited(splits, limit):
    """The first facts of each split, or all of them where `limit` is None."""
    parts = (splits.train, splits.valid, splits.test)
    return kgkeras.kg.Splits(*(part.with_triples(part.triples[:limit]) for part in parts))


def make_scorer(config):
    """The scorer that the configuration names."""
    kind, norm = SCORERS[config.scorer], NORMS.get(config.scorer)
    if norm is not None:
        return kind(norm=config.norm or norm, squared=config.squared)
    if config.norm is not None or config.squared:
        names = ", ".join(NORMS)
        raise ValueError(f"--norm, --squared are for {names}. Received: --scorer {config.scorer}.")
    return kind()


def make_batches(config, graph):
    """The training batches from an epoch on, as a function of it, and how many make an epoch."""
    if config.reciprocal:
        graph = graph.with_inverses()
    batch_size = config.batch_size
    shared = dict(batch_size=batch_size, seed=config.seed)
    if config.regime in ("queries", "k_vs_all"):
        shared["max_answers"] = config.max_answers if config.regime == "queries" else None
        steps = pipelines.query_steps(graph, batch_size, shared["max_answers"])
        make = pipelines.query_batches
    elif config.regime == "one_vs_all":
        steps, make = pipelines.triple_steps(graph, batch_size), pipelines.one_vs_all_batches
    else:
        steps, make = pipelines.triple_steps(graph, batch_size), pipelines.sampled_batches
        shared["num_negatives"] = config.num_negatives
        shared["chunk_size"] = config.chunk_size or batch_size // config.devices
        shared["both_sides"] = not config.reciprocal
        shared["self_negatives"] = config.self_negatives
    return functools.partial(make, graph, **shared), steps


def make_model(config, splits, steps):
    """A compiled model."""
    uniform = keras.initializers.RandomUniform
    span = config.initial_range
    model = models.LinkPredictor.from_graph(
        splits,
        make_scorer(config),
        config.dim,
        reciprocal=config.reciprocal,
        entity_dropout=config.entity_dropout,
        relation_dropout=config.relation_dropout,
        initializer=uniform(-span, span, config.seed) if span else "glorot_uniform",
        regularizer=kgkeras.regularizers.N3(config.regularizer) if config.regularizer else None,
        relation_weight=config.relation_weight,
    )
    schedule = keras.optimizers.schedules.ExponentialDecay(
        config.learning_rate, steps, config.decay, staircase=True
    )
    kind = {"adagrad": optimizers.SparseAdagrad, "adam": optimizers.LazyAdam}[config.optimizer]
    options = {} if config.margin is None else {"margin": config.margin}
    if config.weigh_negatives:
        options["negative_weight"] = splits.train.num_entities / config.num_negatives
    model.compile(kind(schedule), LOSSES[config.loss](**options))
    return model


def train(config, splits):
    """Trains a model, or goes on with it; returns it with its best weights, and its history."""
    training.set_seed(config.seed)
    batches_from, steps = make_batches(config, splits.train)
    with training.make_strategy(config.devices).scope():
        model = make_model(config, splits, steps)
    return model, fit(config, splits, model, batches_from, steps)


def fit(config, splits, model, batches_from, steps):
    """Fits a model, or goes on with it, and gives it its best weights; returns its history."""
    settings = {key: value for key, value in vars(config).items() if key not in ELSEWHERE}
    run = training.TrainingRun(
        config.run, settings, monitor="val_mrr", patience=config.patience, resume=config.resume
    )
    first_epoch = run.restore(model)
    if not run.finished:
        ranking = evaluation.RankingCallback(
            splits.valid,
            known=evaluation.TrueTriples(splits.train, splits.valid),
            every=config.evaluate_every,
            sample=config.valid_limit,
        )
        with model.distribute_strategy.scope():  # A batch is to be shared by its replicas.
            batches = batches_from(first_epoch=first_epoch)
        model.fit(
            batches,
            initial_epoch=first_epoch,
            epochs=config.epochs,
            steps_per_epoch=steps,
            callbacks=[ranking, *run.callbacks()],
            shuffle=False,
        )
    run.load_best(model)
    return run.history()


def publish(config, splits, model, metrics, console):
    """Exports the model, and says how to serve and ask it."""
    folder = kgkeras.export.export_link_predictor(
        model,
        config.export,
        card={"data": config.data, "config": dataclasses.asdict(config), "metrics": metrics},
    )
    console.print(f"Exported: {folder}\n\nServe it, and ask it from another shell:", soft_wrap=True)
    head, relation, _ = splits.test.triples[0]
    example = {"head": splits.entities[head], "relation": splits.relations[relation]}
    for line in kgkeras.export.usage(folder, example):
        print(f"  {line}")


def show(config, metrics, console):
    """Prints the figures of head, tail and both."""
    title = f"{config.data}, {config.scorer}, seed {config.seed}: filtered, test"
    table = Table("figure", "value", title=title)
    for name, value in metrics.items():
        table.add_row(name, f"{value:.4f}")
    console.print(table)


def finish(config, splits, model, history, headline, console):
    """Ranks the test facts, reports, saves and exports; returns `headline` with the figures."""
    ranks = evaluation.rank(model, splits.test, splits)
    metrics = ranks.metrics()
    show(config, metrics, console)
    run = pathlib.Path(config.run)
    evaluation.write_report(ranks, run / "report", train=splits.train)
    evaluation.plot_histories({run.name: history}, ("loss", "val_mrr"), run / "curves.png")
    console.print("Report:", run / "report" / "report.md", "Plots:", *sorted(run.rglob("*.png")))
    model.save(run / "model.keras")
    if config.export is not None:
        publish(config, splits, model, metrics, console)
    result = headline | {
        "data": pathlib.Path(config.data).name,
        "scorer": config.scorer,
        **{name: round(metrics[name], 4) for name in ("mrr", "hits@1", "hits@3", "hits@10")},
        "hits@10_of_50": round(ranks.sampled_hits(10, 50), 4),
        "unseen_test_triples": splits.report().test.triples_with_unseen_entities,
        "seed": config.seed,
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    training.write_json(run / "metrics.json", result)
    print(json.dumps(result))
    return result


def main(config):
    """Runs the recipe; returns its headline figures."""
    config = complete(config)
    console, start = Console(), time.perf_counter()
    splits = load_splits(config)
    console.print(splits)
    model, history = train(config, splits)
    seconds = round(time.perf_counter() - start, 1)
    headline = {"recipe": "link_prediction", "seconds": seconds}
    return finish(config, splits, model, history, headline, console)


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
