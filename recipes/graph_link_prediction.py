"""Link prediction by graph networks: on vectors of entities, or on the paths between them.

With `--encoder none`, `rgcn` and `compgcn` the same scorer learns, with the same settings, on the
tables themselves or on what R-GCN or CompGCN makes of them and the whole training graph. With
`path` a Bellman-Ford network (NBFNet) learns what paths say, no entity by heart: it also answers on
the inductive benchmarks, whose test graph has none of the training graph's entities. All test
facts are ranked from both sides, filtered; there is a report with plots, and an exported
SavedModel. An interrupted run goes on.

    python recipes/graph_link_prediction.py
    python recipes/graph_link_prediction.py --data FB15k-237 --encoder none
    python recipes/graph_link_prediction.py --data FB15k-237 --encoder compgcn
    python recipes/graph_link_prediction.py --data FOLDER_WITH_TRAIN_VALID_TEST --encoder rgcn
    python recipes/graph_link_prediction.py --data fb237_v1 --encoder path
    python recipes/graph_link_prediction.py --data fb237_v1 --encoder path --texts RUN/texts.npz

With `--texts`, the vectors of texts that `text_link_prediction.py` has left in its run, a `path`
model also judges what is written of entities; with `--shuffle_texts` it is the control, in which
each entity has another one's text.

A step of R-GCN or CompGCN encodes the whole graph once, whatever its batch: large batches make
short epochs. A step of `path` goes through the whole graph once for each query.
"""

import dataclasses
import functools
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

# isort: split
import kgkeras  # noqa: F401  (before Keras: it sets TensorFlow's defaults)

# isort: split
import keras
import link_prediction
import numpy as np
from rich.console import Console

from kgkeras import graph, losses, models, pipelines, regularizers, training
from kgkeras.training import setting

# What fills in settings that are None.
VECTORS = dict(
    dim=200,
    layers=1,
    edge_dropout=0.2,
    max_answers=16,
    batch_size=1024,
    steps=None,
    learning_rate=3e-3,
    decay=0.95,
    epochs=20,
    evaluate_every=2,
    valid_limit=3000,
)
PATHS = dict(
    dim=32,
    layers=5,
    edge_dropout=0.0,
    max_answers=1,
    batch_size=16,
    steps=400,
    learning_rate=5e-3,
    decay=0.4,
    epochs=2,
    evaluate_every=1,
    valid_limit=300,
)
OF_TEXTS = "text_dim text_dropout shuffle_texts".split()
OF_PATHS = ["aggregate", "texts", *OF_TEXTS]
OF_VECTORS = "scorer norm squared composition num_bases residual dropout hide_batch".split()
OF_VECTORS += ["entity_dropout", "regularizer"]


@dataclasses.dataclass(frozen=True)
class Config:
    """The recipe's whole configuration; `PATHS` or `VECTORS` fill in what is None."""

    data: str = setting("geography", "a benchmark, or a folder of train, valid and test.txt")
    encoder: str = setting("compgcn", "what is scored", ("none", "rgcn", "compgcn", "path"))
    scorer: str = setting("distmult", "what judges vectors", tuple(link_prediction.SCORERS))
    norm: int | None = setting(None, "norm of the scorers that measure distances", (1, 2))
    squared: bool = setting(False, "score by the square of norm 2")
    dim: int | None = setting(None, "length of an entity's vector, encoded or not")
    layers: int | None = setting(None, "layers of the encoder")
    composition: str = setting("mult", "CompGCN: what relations do", ("sub", "mult", "corr"))
    num_bases: int = setting(50, "R-GCN: matrices that the relations share")
    aggregate: str = setting("sum", "path: how paths meet", ("sum", "mean", "pna"))
    residual: bool = setting(True, "add each layer's vectors to those before")
    dropout: float = setting(0.2, "rate at which parts of the layers' vectors are dropped")
    edge_dropout: float | None = setting(None, "rate at which facts are left out of a step")
    hide_batch: bool = setting(False, "leave what a step scores out of its messages; path: always")
    texts: str | None = setting(None, "path: texts.npz of a run of text_link_prediction.py")
    text_dim: int = setting(64, "length of what is made of a text")
    text_dropout: float = setting(0.3, "rate at which parts of texts' vectors are dropped")
    shuffle_texts: bool = setting(False, "control: each entity has another one's text")
    entity_dropout: float = setting(0.2, "rate at which parts of scored vectors are dropped")
    regularizer: float = setting(0.0, "weight of the cubic (N3) penalty")
    learning_rate: float | None = setting(None, "learning rate of Adam")
    decay: float | None = setting(None, "times that, after each epoch")
    max_answers: int | None = setting(None, "answers that share a row")
    batch_size: int | None = setting(None, "queries a batch")
    steps: int | None = setting(None, "batches an epoch, if not as many as there are")
    epochs: int | None = setting(None, "epochs to train")
    evaluate_every: int | None = setting(None, "epochs between two validations")
    valid_limit: int | None = setting(None, "validation facts that are ranked while training")
    patience: int | None = setting(None, "epochs without a better val_mrr before it stops")
    run: str | None = setting(None, "folder of the run; below runs/graph_link_prediction if None")
    export: str | None = setting("saved_models/graph_links", "folder of the exported versions")
    seed: int = setting(0, "seed of every random choice")
    devices: int = setting(1, "replicas: GPUs or, where there are none, logical CPU devices")
    resume: bool = setting(True, "go on with an interrupted run")
    limit: int | None = setting(None, "use only so many facts of each split")


def complete(config):
    """The configuration with nothing left open."""
    unused = OF_VECTORS if config.encoder == "path" else OF_PATHS
    unused = unused + ([] if config.texts else OF_TEXTS)
    training.refuse_settings(config, unused, f"--encoder {config.encoder}")
    name = f"{pathlib.Path(config.data).name}-{config.encoder}-{config.scorer}-{config.seed}"
    if config.texts is not None:
        name += "-shuffled" if config.shuffle_texts else "-texts"
    fill = (PATHS if config.encoder == "path" else VECTORS) | {
        "run": f"runs/graph_link_prediction/{name}"
    }
    missing = {key: value for key, value in fill.items() if getattr(config, key) is None}
    return dataclasses.replace(config, **missing)


def load_splits(config):
    """The splits to train and validate on, and those to test on: as a rule the same."""
    if config.encoder != "path" and link_prediction.of_new_entities(config.data):
        raise ValueError(
            "Entities that training has not seen have no vectors: --data of new entities needs "
            f"--encoder path. Received: --data {config.data} --encoder {config.encoder}."
        )
    return link_prediction.load_both(config)


def load_texts(config, splits, other):
    """Vectors of texts of the entities to learn of and to test on; None for each without."""
    if config.texts is None:
        return None, None
    with np.load(config.texts) as found:
        texts = [found["training"], found["test"]]
    found = [len(vectors) for vectors in texts]
    if found != (wanted := [splits.num_entities, other.num_entities]):
        raise ValueError(
            f"--texts must be of --data {config.data}, with {wanted} entities to train and to test "
            f"on. Received: {found} in {config.texts}."
        )
    if config.shuffle_texts:
        texts = [np.random.default_rng(config.seed).permutation(vectors) for vectors in texts]
    return texts


def make_encoder(config, splits):
    """The encoder over the training facts, or None."""
    if config.encoder == "none":
        return None
    options = dict(dropout=config.dropout, residual=config.residual)

    def layer(activation):
        if config.encoder == "compgcn":
            # On top of what comes in: nothing, to begin with.
            start = {"kernel_initializer": "zeros"} if config.residual else {}
            return graph.CompGraphConv(
                config.dim, config.composition, activation=activation, **options, **start
            )
        return graph.RelationalGraphConv(
            config.dim,
            2 * splits.num_relations,
            num_bases=config.num_bases,
            activation=activation,
            **options,
        )

    activations = ["tanh"] * (config.layers - 1) + [None]
    return graph.GraphEncoder.from_graph(
        splits,
        [layer(activation) for activation in activations],
        edge_dropout=config.edge_dropout,
        hide_batch=config.hide_batch,
    )


def make_model(config, splits, steps, texts=None):
    """A compiled model."""
    if config.encoder == "path":
        model = models.PathPredictor.from_graph(
            splits.train,
            units=config.dim,
            num_layers=config.layers,
            aggregate=config.aggregate,
            edge_dropout=config.edge_dropout,
            text_vectors=texts,
            text_dim=config.text_dim,
            text_dropout=config.text_dropout,
        )
    else:
        penalty = config.regularizer
        model = models.LinkPredictor.from_graph(
            splits,
            link_prediction.make_scorer(config),
            config.dim,
            encoder=make_encoder(config, splits),
            entity_dropout=config.entity_dropout,
            regularizer=regularizers.N3(penalty) if penalty else None,
        )
    schedule = keras.optimizers.schedules.ExponentialDecay(
        config.learning_rate, steps, config.decay, staircase=True
    )
    model.compile(keras.optimizers.Adam(schedule), losses.CrossEntropyLoss())
    return model


def train(config, splits, texts=None):
    """Trains a model, or goes on with it; returns it with its best weights, and its history."""
    training.set_seed(config.seed)
    told = splits.train.with_inverses()
    shared = dict(batch_size=config.batch_size, max_answers=config.max_answers)
    steps = pipelines.query_steps(told, **shared)
    steps = min(steps, config.steps or steps)
    with training.make_strategy(config.devices).scope():
        model = make_model(config, splits, steps, texts)
    batches = functools.partial(
        pipelines.query_batches, told, **shared, steps_per_epoch=steps, seed=config.seed
    )
    return model, link_prediction.fit(config, splits, model, batches, steps)


def main(config):
    """Runs the recipe; returns its headline figures."""
    config = complete(config)
    console, start = Console(), time.perf_counter()
    splits, other = load_splits(config)
    console.print(splits)
    texts, asked = load_texts(config, splits, other)
    model, history = train(config, splits, texts)
    seconds = round(time.perf_counter() - start, 1)
    if other is not splits:
        console.print("Test graph:", other)
        model = model.with_graph(other.train, asked)
    headline = {"recipe": "graph_link_prediction", "encoder": config.encoder, "seconds": seconds}
    if texts is not None:
        headline["texts"] = "shuffled" if config.shuffle_texts else "read"
    return link_prediction.finish(config, other, model, history, headline, console)


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
