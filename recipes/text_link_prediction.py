"""Link prediction by text and structure: what is written of entities, and their place in the graph.

Texts become vectors by an encoder: as it comes (`--tune_epochs 0`, a frozen MiniLM), or tuned as a
bi-encoder of heads and relations against tails (SimKGC), whose lower layers may stay frozen and
then read all texts once. Four models then learn the same facts with the same settings: the
structure alone, the texts alone, the control, in which each entity has another one's text, and both
together, combined by `--fusion`. With `--structure` the first is one that `link_prediction.py` has
trained, on which the last two begin. With `--models structure,irreflexive,sum,sum_control` scores
of structure and of the tuned bi-encoder are added up; with `structure,text,sum`, those of texts
alone. All test facts are ranked from both sides, filtered; there is a report with plots, and an
exported SavedModel. An interrupted run goes on.

    python recipes/text_link_prediction.py
    python recipes/text_link_prediction.py --data WN18RR --encoder MINILM
    python recipes/text_link_prediction.py --data WN18RR --encoder MINILM --structure F --dim 512
    python recipes/text_link_prediction.py --data WN18RR_v1 --encoder MINILM --models text,fused

WN18RR, MiniLM on the structure of `--preset wn18rr/complex`, filtered test MRR, seed 0, 2 busy CPU
cores, 14 to 29 minutes a model and 76 to tune two layers, 2026-12-01: structure .477, frozen texts
by a gate .516, attention .521, concatenation .518, sum .510, tuned ones by a gate .543, added up
.589 (controls .480, .479, .483). FB15k-237, 21 minutes: structure .351, frozen texts alone .315,
added up .365 (control .355). The commands are in the README.

The test graphs of the inductive benchmarks have new entities, told by their texts alone.
"""

import dataclasses
import functools
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

# isort: split
import kgkeras

# isort: split
import keras
import link_prediction
from rich.console import Console
from rich.table import Table
from text_sums import SUMS, add_up, shuffled
from text_vectors import read_texts

from kgkeras import evaluation, layers, losses, models, pipelines, training
from kgkeras.training import setting

FUSIONS = {
    "concat": layers.ConcatFusion,
    "sum": layers.SumFusion,
    "gated": layers.GatedFusion,
    "attention": layers.AttentionFusion,
}
NAMES = {
    "tuned": "the tuned encoder by itself",
    "structure": "structure alone",
    "text": "texts alone",
    "control": "shuffled texts",
    "fused": "text and structure",
    **SUMS,
}
MODELS = "structure,text,control,fused"
# What fills in settings that are None: for an encoder from scratch, and for a pretrained one.
SCRATCH = dict(dim=64, tune_epochs=10, tune_rate=5e-3, epochs=20, num_negatives=500)
PRETRAINED = dict(dim=256, tune_epochs=0, tune_rate=1e-4, epochs=12, num_negatives=4096)
MAX_ANSWERS = 16  # a row of the regime of queries
NEW_TEXT_DROPOUT = 0.6  # where the entities that are asked about are new


@dataclasses.dataclass(frozen=True)
class Config:
    """The recipe's whole configuration; `SCRATCH` or `PRETRAINED` fill in what is None."""

    data: str = setting("geography", "a benchmark, or a folder of train, valid and test.txt")
    encoder: str = setting("lstm", "lstm, or a pretrained encoder's folder or preset")
    dtype: str = setting("float32", "precision of a pretrained encoder", ("float32", "bfloat16"))
    max_tokens: int = setting(64, "most tokens of an entity's text")
    max_neighbours: int = setting(0, "neighbours in the graph that an entity's text also names")
    tune_epochs: int | None = setting(None, "epochs in which the encoder itself is tuned")
    tune_rate: float | None = setting(None, "learning rate of that")
    tune_batch_size: int = setting(256, "triples a batch of that")
    tune_self_negatives: bool = setting(True, "whether a query's head is a wrong answer there")
    frozen_layers: int = setting(0, "lower layers of a pretrained encoder that are not tuned")
    structure: str | None = setting(None, "model.keras of link_prediction.py, to begin with")
    fusion: str = setting("gated", "what combines text and structure", tuple(FUSIONS))
    scorer: str = setting("complex", "what judges triples", tuple(link_prediction.SCORERS))
    norm: int | None = setting(None, "norm of the scorers that measure distances", (1, 2))
    squared: bool = setting(False, "score by the square of norm 2")
    dim: int | None = setting(None, "length of an entity's vector")
    hidden: int | None = setting(None, "units of a hidden layer behind the texts")
    structure_dropout: float = setting(0.1, "rate at which entities' structure is left out")
    text_dropout: float | None = setting(None, "rate at which parts of texts' vectors are dropped")
    entity_dropout: float = setting(0.2, "rate of dropping parts of entities' vectors")
    regularizer: float = setting(0.0, "weight of the cubic (N3) penalty")
    regime: str = setting("sampled", "whether all entities are compared", ("sampled", "queries"))
    num_negatives: int | None = setting(None, "sampled regime: entities to compare a batch with")
    learning_rate: float = setting(3e-3, "learning rate of lazy Adam, which falls to 0")
    table_rate: float = setting(6.0, "times that for entities' own vectors, which few steps see")
    epochs: int | None = setting(None, "epochs to train")
    batch_size: int = setting(512, "triples a batch")
    evaluate_every: int = setting(3, "epochs between two validations")
    valid_limit: int = setting(1500, "validation facts that are ranked while training")
    patience: int | None = setting(None, "epochs without a better val_mrr before it stops")
    models: str = setting(
        MODELS, f"which models to train; behind structure, also {', '.join(SUMS)}"
    )
    run: str | None = setting(None, "folder of the run; below runs/text_link_prediction if None")
    export: str | None = setting("saved_models/text_links", "folder of the exported versions")
    seed: int = setting(0, "seed of every random choice")
    devices: int = setting(1, "replicas: GPUs or, where there are none, logical CPU devices")
    resume: bool = setting(True, "go on with an interrupted run")
    limit: int | None = setting(None, "use only so many facts of each split")


def complete(config):
    """The configuration with nothing left open."""
    defaults = dict(SCRATCH if config.encoder == "lstm" else PRETRAINED)
    # What is learned by heart of texts does not help new entities.
    new = link_prediction.of_new_entities(config.data)
    defaults["text_dropout"] = NEW_TEXT_DROPOUT if new else 0.0
    tuned = defaults["tune_epochs"] if config.tune_epochs is None else config.tune_epochs
    names = (pathlib.Path(config.data).name, pathlib.Path(config.encoder).name, config.fusion)
    defaults["run"] = f"runs/text_link_prediction/{'-'.join(names)}-{tuned}-{config.seed}"
    missing = {key: value for key, value in defaults.items() if getattr(config, key) is None}
    return dataclasses.replace(config, **missing)


def checked_models(config):
    """The names of the models to train."""
    names, known = config.models.split(","), MODELS.split(",")
    if unknown := set(names) - {*known, *SUMS}:
        raise ValueError(f"`models` must be among {MODELS}. Received: {sorted(unknown)}.")
    if set(SUMS) & set(names) and names[0] != "structure":
        raise ValueError(
            f"{', '.join(SUMS)} need structure before them. Received: --models {config.models}."
        )
    if {"sum", "sum_control"} & set(names) and not config.tune_epochs and "text" not in names[1:2]:
        raise ValueError(
            "A sum needs an encoder that is tuned, or the model of texts alone behind structure. "
            f"Received: --tune_epochs 0 --models {config.models}."
        )
    return names


# === Models ===


def make_fusion(config):
    """A new fusion layer; where structure is there already, its gate is almost closed."""
    bias = -4.0 if config.structure else 0.0
    options = {"initial_bias": bias} if config.fusion == "gated" else {}
    return FUSIONS[config.fusion](name="fusion", **options)


def check_structure(config):
    """Refuses a structure of other facts, another scorer or other sizes, before texts are read."""
    path = pathlib.Path(config.structure)
    if not path.is_file():
        raise FileNotFoundError(f"--structure must be a model.keras of a run. Received: {path}.")
    made = json.loads((path.parent / "config.json").read_text(encoding="utf-8"))
    wanted = vars(config) | {"reciprocal": True}
    for each in (made, wanted):
        norm = link_prediction.NORMS.get(each["scorer"])
        each["norm"] = norm and (each["norm"] or norm)
        each.setdefault("squared", False)
    for name in ("data", "seed", "limit", "scorer", "norm", "squared", "dim", "reciprocal"):
        if str(made[name]).lower() != str(wanted[name]).lower():
            raise ValueError(
                f"--structure must have been trained with {name}={wanted[name]}. "
                f"Received: {path} with {name}={made[name]}."
            )


def make_model(config, splits, vectors, name, steps):
    """A compiled model: `name` is a key of `NAMES`."""
    penalty = kgkeras.regularizers.N3(config.regularizer) if config.regularizer else None
    shared = dict(entity_dropout=config.entity_dropout, regularizer=penalty)
    names = ("hidden", "structure_dropout", "text_dropout")
    texts = {name: getattr(config, name) for name in names}
    about = (splits, link_prediction.make_scorer(config), config.dim)
    if name == "text":
        model = models.FusedLinkPredictor.from_graph(*about, vectors, **texts, **shared)
    elif config.structure:
        known = keras.saving.load_model(config.structure, compile=False)
        if name == "structure":
            return known
        options = {"fusion": make_fusion(config), **texts, **shared}
        model = models.FusedLinkPredictor.from_structure(known, splits, vectors, **options)
    elif name == "structure":
        model = models.LinkPredictor.from_graph(*about, **shared)
    else:
        options = {"fusion": make_fusion(config), **texts, **shared}
        model = models.FusedLinkPredictor.from_graph(*about, vectors, **options)
    schedule = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps * config.epochs)
    rates = {"entities/table": config.table_rate}
    optimizer = kgkeras.optimizers.LazyAdam(schedule, multipliers=rates)
    model.compile(optimizer, losses.CrossEntropyLoss())
    return model


def make_batches(config, told):
    """The training batches from an epoch on, as a function of it, and how many make an epoch."""
    shared = dict(batch_size=config.batch_size, seed=config.seed)
    if config.regime == "queries":
        steps = pipelines.query_steps(told, config.batch_size, MAX_ANSWERS)
        shared["max_answers"] = MAX_ANSWERS
        return functools.partial(pipelines.query_batches, told, **shared), steps
    shared["num_negatives"] = config.num_negatives
    shared["chunk_size"] = config.batch_size // config.devices
    shared["self_negatives"] = True
    steps = pipelines.triple_steps(told, config.batch_size)
    return functools.partial(pipelines.sampled_batches, told, **shared), steps


def train(config, splits, vectors, name):
    """Trains one of the models, or goes on with it; returns it with its best weights."""
    training.set_seed(config.seed)
    if name == "control":
        vectors = shuffled(config, vectors)
    batches_from, steps = make_batches(config, splits.train.with_inverses())
    with training.make_strategy(config.devices).scope():
        model = make_model(config, splits, vectors, name, steps)
    if name == "structure" and config.structure:
        return model, {}
    own = dataclasses.replace(config, models=name, run=str(pathlib.Path(config.run) / name))
    return model, link_prediction.fit(own, splits, model, batches_from, steps)


# === Results ===


def report(config, figures, histories, ranks, splits, console):
    """Prints the table of all models; writes the report of the last one, and draws curves."""
    table = Table(title=f"{config.data}, {config.fusion}, seed {config.seed}: filtered, test")
    columns = ("mrr", "hits@1", "hits@3", "hits@10")
    for column in ("model", *columns):
        table.add_column(column)
    for name, metrics in figures.items():
        table.add_row(NAMES[name], *(f"{metrics[column]:.4f}" for column in columns))
    console.print(table)
    run = pathlib.Path(config.run)
    evaluation.write_report(ranks, run / "report", train=splits.train)
    named = {NAMES[name]: history for name, history in histories.items() if history}
    evaluation.plot_histories(named, ("loss", "val_mrr"), run / "curves.png")
    console.print("Report:", run / "report" / "report.md", "Plots:", *sorted(run.rglob("*.png")))


def main(config):
    """Runs the recipe; returns its headline figures."""
    config = complete(config)
    if config.structure:
        check_structure(config)
    console, start = Console(), time.perf_counter()
    names = checked_models(config)
    splits, other = link_prediction.load_both(config)
    if other is not splits and "structure" in names:
        raise ValueError("Entities that training has not seen have no structure: leave it out.")
    console.print(splits)
    learn, asked, index, tuned = read_texts(config, splits, other, console)
    figures, histories, made = {} if tuned is None else {"tuned": tuned}, {}, {}
    for name in names:
        console.rule(NAMES[name])
        if name in SUMS:
            model = add_up(config, splits, made["structure"], index or made.get("text"), name)
        else:
            model, histories[name] = train(config, splits, learn, name)
            made[name] = model
        if other is not splits:
            own = asked if name != "control" else shuffled(config, asked)
            model = made[name] = model.about(other.train, own)
        ranks = evaluation.rank(model, other.test, other)
        figures[name] = ranks.metrics()
    report(config, figures, histories, ranks, other, console)
    last = [name for name in names if name in made][-1]
    model = made[last]
    model.save(pathlib.Path(config.run) / "model.keras")
    if config.export is not None:
        link_prediction.publish(config, other, model, figures[last], console)
    headline = {
        ("" if name == "fused" else f"{name}_") + figure: round(metrics[figure], 4)
        for name, metrics in figures.items()
        for figure in ("mrr", "hits@10")
    }
    result = {
        "recipe": "text_link_prediction",
        "data": pathlib.Path(config.data).name,
        "fusion": config.fusion,
        **headline,
        "seed": config.seed,
        "seconds": round(time.perf_counter() - start, 1),
    }
    training.write_json(pathlib.Path(config.run) / "metrics.json", result)
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
