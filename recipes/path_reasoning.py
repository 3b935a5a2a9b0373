"""Walkers that learn from rewards which facts lead to an answer.

Trains a `PathReasoner`: each query is walked several times, and what leads to the answer becomes
more likely. Ranks test facts by the probability to come to each entity, shows walks that were
found, exports a SavedModel that takes names and gives names and walks, and says how to serve it.
With `--shaping`, a ComplEx model is trained first, and rewards ends by how plausible it finds them.
On Countries the region of each test country is told from the other regions, and the area under the
precision-recall curve stands beside the ranks.

    python recipes/path_reasoning.py --data UMLS
    python recipes/path_reasoning.py --data countries_S3 --max_steps 3 --entities

One of 2 CPU cores, 2026-11-30, seed 0, tail MRR: UMLS .916 in 275 s, with shaping .948 in 301 s;
Kinship .817 and .838; WN18RR .479 in 182 s; the options are in the README's table. Countries by
`--entities --dim 64 --hidden_dim 64 --epochs 8 --steps 40`, area under the precision-recall curve
of seeds 0, 1 and 2, half a minute each: S1 (`--max_steps 2`) and S2 (`--max_steps 3`) 1.000 each,
S3 (`--max_steps 3`) .994 .988 .988.
"""

import dataclasses
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

# isort: split
import kgkeras  # before Keras: it sets TensorFlow's defaults

# isort: split
import keras
import link_prediction
import numpy as np
from rich.console import Console
from rich.table import Table

from kgkeras import agents, evaluation, layers, losses, models, optimizers, pipelines, training
from kgkeras.training import setting

ELSEWHERE = ("run", "export", "resume")
LEARNERS = ("likelihood", "reinforce", "actor_critic", "q_learning")


@dataclasses.dataclass(frozen=True)
class Config:
    """The recipe's whole configuration."""

    data: str = setting("geography", "a benchmark, or a folder of train, valid and test.txt")
    learner: str = setting("likelihood", "way of learning", LEARNERS)
    history: str = setting("lstm", "what remembers the way", ("lstm", "transformer"))
    new_only: bool = setting(False, "let walks end only at what the graph does not tell yet")
    entities: bool = setting(False, "let the policy know entities, not relations alone")
    shaping: bool = setting(False, "reward ends by how plausible a ComplEx model finds them")
    max_steps: int = setting(2, "steps of a walk")
    walks: int = setting(20, "walks of each query in training")
    beam: int = setting(100, "walkers that search keeps for a query")
    max_actions: int = setting(300, "actions of an entity at most")
    dim: int = setting(100, "length of vectors of entities and relations")
    hidden_dim: int = setting(128, "units of the history and of the policy's hidden layer")
    dropout: float = setting(0.0, "dropout of the policy")
    embedding_dropout: float = setting(0.0, "dropout of the vectors of entities")
    action_dropout: float = setting(0.0, "rate of actions that walkers may not choose")
    entropy: float = setting(0.0, "weight of the policy's entropy")
    learning_rate: float = setting(2e-3, "first learning rate; it falls to 0 by a cosine")
    batch_size: int = setting(128, "queries a batch")
    epochs: int = setting(12, "epochs to train")
    steps: int | None = setting(80, "batches an epoch; all where None")
    evaluate_every: int = setting(4, "epochs between two validations")
    valid_limit: int = setting(1000, "validation facts that are ranked while training")
    run: str | None = setting(None, "folder of the run; below runs/path_reasoning where None")
    export: str | None = setting("saved_models/walks", "folder of the exported versions")
    seed: int = setting(0, "seed of every random choice")
    devices: int = setting(1, "replicas: GPUs or, where there are none, logical CPU devices")
    resume: bool = setting(True, "go on with an interrupted run")
    limit: int | None = setting(None, "use only so many facts of each split")


def make_learner(config):
    """The way of learning that the configuration names."""
    if config.learner == "q_learning":
        return agents.QLearning(seed=config.seed)
    shared = {
        "entropy": config.entropy,
        "action_dropout": config.action_dropout,
        "seed": config.seed,
    }
    if config.learner == "likelihood":
        return agents.MarginalLikelihood(**shared)
    if config.learner == "actor_critic":
        return agents.ActorCritic(**shared)
    return agents.Reinforce("others", **shared)


def make_shaping(config, splits, epochs=40):
    """A trained ComplEx model."""
    told = splits.train.with_inverses()
    model = models.LinkPredictor.from_graph(
        splits,
        kgkeras.scorers.ComplEx(),
        200,
        reciprocal=True,
        regularizer=kgkeras.regularizers.N3(0.01),
    )
    model.compile(optimizers.SparseAdagrad(0.1), losses.CrossEntropyLoss())
    model.fit(
        pipelines.one_vs_all_batches(told, batch_size=128, seed=config.seed),
        steps_per_epoch=pipelines.triple_steps(told, 128),
        epochs=epochs,
        verbose=0,
        shuffle=False,
    )
    return model


def make_model(config, splits, steps, shaping=None):
    """A compiled reasoner."""
    environment = agents.GraphEnvironment.from_graph(splits.train, config.max_actions)
    rate = config.embedding_dropout
    entities = layers.EntityEmbedding(environment.num_entities, config.dim, dropout=rate)
    histories = {"lstm": agents.LSTMHistory, "transformer": agents.TransformerHistory}
    policy = agents.WalkPolicy(
        layers.RelationEmbedding(environment.start + 1, config.dim),
        histories[config.history](config.hidden_dim),
        config.dim,
        entities=entities if config.entities else None,
        hidden_dim=config.hidden_dim,
        dropout=config.dropout,
    )
    model = agents.PathReasoner(
        environment,
        policy,
        agents.RelationQueries(config.new_only),
        make_learner(config),
        steps=config.max_steps,
        walks=config.walks,
        beam=config.beam,
        shaping=shaping,
    )
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.epochs * steps)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0))
    return model


def train(config, splits):
    """Trains a reasoner, or goes on with it; returns it and the steps a second of its walkers."""
    training.set_seed(config.seed)
    told = splits.train.with_inverses()
    steps = pipelines.triple_steps(told, config.batch_size)
    steps = min(steps, config.steps or steps)
    settings = {key: value for key, value in vars(config).items() if key not in ELSEWHERE}
    run = training.TrainingRun(config.run, settings, monitor="val_mrr", resume=config.resume)
    with training.make_strategy(config.devices).scope():
        shaping = make_shaping(config, splits) if config.shaping else None
        model = make_model(config, splits, steps, shaping)
    first_epoch = run.restore(model)
    watch = _WalkingTime()
    if not run.finished:
        ranking = evaluation.RankingCallback(
            splits.valid,
            known=evaluation.TrueTriples(splits.train, splits.valid),
            every=config.evaluate_every,
            sample=config.valid_limit,
            sides="tail",
        )
        batches = pipelines.one_vs_all_batches(
            told,
            batch_size=config.batch_size,
            first_epoch=first_epoch,
            steps_per_epoch=steps,
            seed=config.seed,
        )
        model.fit(
            batches,
            initial_epoch=first_epoch,
            epochs=config.epochs,
            steps_per_epoch=steps,
            callbacks=[watch, ranking, *run.callbacks()],
            shuffle=False,
        )
    run.load_best(model)
    walked = config.batch_size * config.walks * config.max_steps
    return model, watch.batches_per_second() * walked


class _WalkingTime(keras.callbacks.Callback):
    """Times batches; the first, in which the model is traced, is left out."""

    def __init__(self):
        super().__init__()
        self.times = []

    def on_train_batch_begin(self, batch, logs=None):
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(time.perf_counter() - self._start)

    def batches_per_second(self):
        """0 where none was timed."""
        return 1 / np.median(self.times[1:]) if len(self.times) > 1 else 0.0


def region_precision(model, splits):
    """Area under the precision-recall curve of regions of the test's countries."""
    from sklearn.metrics import average_precision_score

    head, relation, tail = splits.test.triples.T
    # What countries lie in that lies in nothing itself: the five regions, no subregion.
    located = splits.train.triples[splits.train.triples[:, 1] == relation[0]]
    regions = np.setdiff1d(located[:, 2], located[:, 0])
    scores = model.score_tails(head, relation, regions).numpy()
    return float(average_precision_score((tail[:, None] == regions).ravel(), scores.ravel()))


def show_walks(model, splits, console, count=3):
    """Prints the most probable walk of some test facts."""
    head, relation, _ = splits.test.triples[:count].T
    relations, entities, _ = (
        x.numpy() for x in model.search({"head": head, "relation": relation}).best(1)
    )
    names = (*splits.train.with_inverses().relations, "(stay)")
    for row in range(len(head)):
        way = f"{splits.entities[head[row]]}, {splits.relations[relation[row]]}?  "
        way += splits.entities[head[row]]
        for followed, entity in zip(relations[row, 0], entities[row, 0, 1:], strict=True):
            way += f" -{names[followed]}-> {splits.entities[entity]}"
        console.print(way, soft_wrap=True, markup=False)


def publish(config, model, splits, figures, console):
    """Exports the model, and says how to serve and ask it."""
    card = {"data": config.data, "config": dataclasses.asdict(config), "metrics": figures}
    folder = kgkeras.export.export_path_reasoner(model, splits.train, config.export, card=card)
    console.print(f"Exported: {folder}\n\nServe it, and ask it from another shell:", soft_wrap=True)
    head, relation, _ = splits.test.triples[0]
    asked = {"head": splits.entities[head], "relation": splits.relations[relation]}
    for line in kgkeras.export.usage(folder, asked):
        print(f"  {line}")


def main(config):
    """Runs the recipe; returns its headline figures."""
    console, start = Console(), time.perf_counter()
    if config.run is None:
        name = f"{pathlib.Path(config.data).name}-{config.learner}-{config.seed}"
        config = dataclasses.replace(config, run=f"runs/path_reasoning/{name}")
    splits = link_prediction.load_splits(config)
    console.print(splits)
    model, speed = train(config, splits)
    show_walks(model, splits, console)
    figures = {
        side: evaluation.rank(model, splits.test, splits, sides=side).metrics()
        for side in ("tail", "both")
    }
    table = Table(title=f"{config.data}, seed {config.seed}: filtered, test")
    for column in ("figure", *figures):
        table.add_column(column)
    for name in figures["tail"]:
        table.add_row(name, *(f"{metrics[name]:.4f}" for metrics in figures.values()))
    console.print(table)
    result = {
        "recipe": "path_reasoning",
        "data": pathlib.Path(config.data).name,
        **{name: round(figures["tail"][name], 4) for name in ("mrr", "hits@1", "hits@10")},
        "both_sided_mrr": round(figures["both"]["mrr"], 4),
        "steps_per_second": round(speed),
        "seed": config.seed,
        "seconds": round(time.perf_counter() - start, 1),
    }
    if pathlib.Path(config.data).name.startswith("countries"):
        result["auc_pr"] = round(region_precision(model, splits), 4)
    model.save(pathlib.Path(config.run) / "model.keras")
    if config.export is not None:
        publish(config, model, splits, figures["tail"], console)
    training.write_json(pathlib.Path(config.run) / "metrics.json", result)
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
