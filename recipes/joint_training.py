"""A text model that looks its entities up in a knowledge graph, trained together with the graph.

Trains three models on the same texts, from the same seed: text alone; the control, which has the
same graph with its entities shuffled, so that every name brings another entity's knowledge; and the
fused model. Prints a table, draws learning curves and the weight of knowledge at each word, exports
the fused model as a SavedModel, and says how to serve and ask it.

    python recipes/joint_training.py
    python recipes/joint_training.py --data semeval --encoder FOLDER_OF_MINILM

geography, 2 CPU cores, seeds 0, 1, 2: text only .502 .505 .498, shuffled knowledge .501 .500 .500,
fused .985 .977 .994 test accuracy; the README has the other tables.
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
import numpy as np
from rich.console import Console
from rich.table import Table

from kgkeras import evaluation, layers, models, pipelines, scorers, text, training
from kgkeras.training import setting

FUSIONS = {
    "concat": layers.ConcatFusion,
    "sum": layers.SumFusion,
    "gated": layers.GatedFusion,
    "attention": layers.AttentionFusion,
}
SCORERS = {"distmult": scorers.DistMult, "complex": scorers.ComplEx, "transe": scorers.TransE}
SMALL = ("lstm", "transformer")
NAMES = {"text_only": "text only", "control": "shuffled knowledge", "fused": "fused"}
# What is right for a small encoder from scratch is not for a pretrained one.
SCRATCH = dict(epochs=6, batch_size=64, learning_rate=2e-3, new_rate=5.0, table_rate=5.0)
PRETRAINED = dict(epochs=3, batch_size=32, learning_rate=2e-4, new_rate=5.0, table_rate=50.0)
# What may differ between a run and its resumption.
ELSEWHERE = ("run", "export", "resume", "models")


@dataclasses.dataclass(frozen=True)
class Config:
    """The recipe's whole configuration; what is None depends on the encoder, see above."""

    data: str = setting("geography", "what to learn", ("geography", "semeval"))
    encoder: str = setting("lstm", "lstm, transformer, a keras-hub preset, or a model's folder")
    fusion: str = setting("gated", "how knowledge reaches the words", tuple(FUSIONS))
    scorer: str = setting("distmult", "what judges triples", tuple(SCORERS))
    dim: int = setting(64, "length of the vectors of entities and small encoders")
    kg_weight: float = setting(30.0, "weight of the graph's loss beside the task's")
    epochs: int | None = setting(None, "epochs to train")
    batch_size: int | None = setting(None, "texts a batch")
    learning_rate: float | None = setting(None, "learning rate of the text model")
    new_rate: float | None = setting(None, "times that, for the layers beside the encoder")
    table_rate: float | None = setting(None, "times that, for the tables of entities and relations")
    dtype: str = setting("float32", "precision of a pretrained encoder", ("float32", "bfloat16"))
    models: str = setting("text_only,control,fused", "which models to train")
    run: str | None = setting(None, "folder of the run; below runs/joint where None")
    export: str | None = setting("saved_models/joint", "folder of the exported versions")
    seed: int = setting(0, "seed of every random choice")
    devices: int = setting(1, "replicas: GPUs or, where there are none, logical CPU devices")
    resume: bool = setting(True, "go on with an interrupted run")
    limit: int | None = setting(None, "use only so many texts of each split")


@dataclasses.dataclass(frozen=True)
class Task:
    """Texts to classify, the graph that knows about them, and what marks a pair of nominals."""

    texts: kgkeras.datasets.TextTask
    graph: kgkeras.kg.KnowledgeGraph
    markers: tuple[str, ...] = ()

    def scores(self, labels, logits):
        """The figures of some predictions."""
        predictions = np.argmax(logits, axis=-1)
        scores = {"accuracy": float(np.mean(predictions == labels))}
        if self.markers:
            macro_f1 = evaluation.relation_f1(labels, predictions, self.texts.classes)
            scores = {"macro_f1": macro_f1, **scores}
        return scores


def load_task(config):
    """Reads the texts and the graph."""
    if config.data == "semeval":
        texts = kgkeras.datasets.load_texts("SemEval2010-Task8")
        graph = kgkeras.datasets.load("WN18RR").train
        task = Task(texts, graph, ("<e1>", "</e1>", "<e2>", "</e2>"))
    else:
        task = Task(
            kgkeras.datasets.load_texts("geography", seed=config.seed),
            kgkeras.datasets.load("geography"),
        )
    splits = ("train", "valid", "test")
    splits = {name: getattr(task.texts, name).take(config.limit) for name in splits}
    return dataclasses.replace(task, texts=dataclasses.replace(task.texts, **splits))


def make_encoder(config, task):
    """A new encoder and its tokenizer."""
    if config.encoder in SMALL:
        tokenizer = text.WordTokenizer.from_texts(task.texts.train.texts, markers=task.markers)
        size = tokenizer.vocabulary_size
        if config.encoder == "lstm":
            return text.LSTMEncoder(size, config.dim, dropout=0.1), tokenizer
        encoder = text.TransformerEncoder(
            size, config.dim, num_layers=2, num_heads=4, max_length=128, dropout=0.1
        )
        return encoder, tokenizer
    dtype = "mixed_bfloat16" if config.dtype == "bfloat16" else "float32"
    encoder, tokenizer = text.load_encoder(config.encoder, markers=task.markers, dtype=dtype)
    # Half of a small encoder's weights: training them costs time and memory, and brings little.
    encoder.backbone.token_embedding.trainable = False
    return encoder, tokenizer


def make_preprocessor(task, tokenizer):
    """What turns texts into tokens and entities; of marked nominals also in their plural."""
    nominals = bool(task.markers)
    linker = text.DictionaryLinker.from_graph(task.graph, plurals=nominals)
    return text.Preprocessor(tokenizer, linker, marked_only=nominals)


def make_model(config, task, encoder, tokenizer, graph):
    """A compiled model; the text-only twin where there is no graph."""
    classes, hidden_dim = len(task.texts.classes), config.dim if config.encoder in SMALL else None
    head = layers.ClassificationHead(classes, hidden_dim=hidden_dim, dropout=0.1, name="head")
    parts = {}
    if graph is not None:
        scorer = SCORERS[config.scorer](name="scorer")
        sizes = (graph.num_entities, graph.num_relations)
        dims = (config.dim, scorer.relation_dim(config.dim))
        # A distance is never positive: without a margin no triple could be plausible.
        margin = 6.0 if config.scorer == "transe" else 0.0
        parts = {
            "triples": layers.TripleEmbedding.from_sizes(*sizes, *dims),
            "fusion": FUSIONS[config.fusion](name="fusion"),
            "scorer": scorer,
            "kg_weight": config.kg_weight,
            "kg_loss": kgkeras.losses.NegativeSamplingLoss(margin),
        }
    if task.markers:
        starts = [tokenizer.start_id, *tokenizer.marker_ids[::2]]
        parts["pooling"] = layers.TokenPooling(starts, name="pooling")
    model = models.JointModel(encoder, head, **parts)
    steps = config.epochs * pipelines.steps_per_epoch(len(task.texts.train), config.batch_size)
    warmup = max(steps // 20, 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - warmup, 1), warmup_target=config.learning_rate, warmup_steps=warmup
    )
    rates = {"table": config.table_rate}
    rates |= dict.fromkeys(("fusion", "reader", "head"), config.new_rate)
    # Without XLA: on a CPU it takes longer to compile these models than it saves.
    model.compile(
        kgkeras.optimizers.MultiRateAdam(schedule, rates, clipnorm=1.0),
        loss=head.loss(),
        metrics=[head.accuracy()],
        jit_compile=False,
    )
    return model


def train(config, task, name):
    """Trains one of the three models, or goes on with it.

    Returns:
        The model with its best weights, its preprocessor and its history.
    """
    training.set_seed(config.seed)
    graph = task.graph
    if name != "fused":
        graph = task.graph.shuffled(config.seed) if name == "control" else None
    with training.make_strategy(config.devices).scope():
        encoder, tokenizer = make_encoder(config, task)
        model = make_model(config, task, encoder, tokenizer, graph)
    preprocessor = make_preprocessor(task, tokenizer)
    settings = {key: value for key, value in vars(config).items() if key not in ELSEWHERE}
    folder = pathlib.Path(config.run) / name
    run = training.TrainingRun(folder, settings, monitor="val_accuracy", resume=config.resume)
    first_epoch = run.restore(model)
    if not run.finished:
        learn = task.texts.train
        encoded = pipelines.encode_texts(preprocessor, learn.texts)
        model.fit(
            pipelines.joint_batches(
                encoded,
                learn.labels,
                graph,
                batch_size=config.batch_size,
                first_epoch=first_epoch,
                seed=config.seed,
            ),
            initial_epoch=first_epoch,
            epochs=config.epochs,
            steps_per_epoch=pipelines.steps_per_epoch(len(learn), config.batch_size),
            validation_data=_batches(config, preprocessor, task.texts.valid),
            callbacks=run.callbacks(),
            shuffle=False,
        )
    run.load_best(model)
    return model, preprocessor, run.history()


def _batches(config, preprocessor, texts):
    encoded = pipelines.encode_texts(preprocessor, texts.texts)
    return pipelines.text_batches(encoded, texts.labels, 4 * config.batch_size)


def report(config, task, figures, histories, fused, console):
    """Prints the table of all models; draws learning curves and the knowledge at some words."""
    table = Table(title=f"{config.data}, {config.fusion} fusion, seed {config.seed}")
    for column in ("model", *next(iter(figures.values()))):
        table.add_column(column)
    for name, row in figures.items():
        table.add_row(NAMES[name], *(f"{value:.4f}" for value in row.values()))
    console.print(table)
    run = pathlib.Path(config.run)
    named = {NAMES[name]: history for name, history in histories.items()}
    curves = ("loss", "val_accuracy", "kg_loss")
    evaluation.plot_histories(named, curves, run / "learning_curves.png")
    if fused and fused[0].fusion.weighs:
        words = evaluation.word_weights(*fused, task.texts.test.texts[:4])
        evaluation.plot_word_weights(*words, run / "word_weights.png")
    console.print("Plots:", *sorted(run.glob("*.png")))


def publish(config, task, model, preprocessor, figures, console):
    """Exports the model, and says how to serve and ask it."""
    folder = kgkeras.export.export_joint_model(
        model,
        preprocessor,
        task.graph,
        task.texts.classes,
        config.export,
        samples=task.texts.test.texts[:8],
        card={"data": config.data, "config": dataclasses.asdict(config), "metrics": figures},
    )
    console.print(f"Exported: {folder}\n\nServe it, and ask it from another shell:", soft_wrap=True)
    for line in kgkeras.export.usage(folder, task.texts.test.texts[0]):
        print(f"  {line}")


def complete(config):
    """Fills in what depends on the encoder."""
    defaults = SCRATCH if config.encoder in SMALL else PRETRAINED
    missing = {name: value for name, value in defaults.items() if getattr(config, name) is None}
    if config.run is None:
        encoder = pathlib.Path(config.encoder).name
        missing["run"] = f"runs/joint/{config.data}-{encoder}-{config.fusion}-{config.seed}"
    return dataclasses.replace(config, **missing)


def main(config):
    """Runs the recipe; returns its headline figures."""
    config = complete(config)
    console = Console()
    start = time.perf_counter()
    names = config.models.split(",")
    if unknown := set(names) - set(NAMES):
        raise ValueError(f"`models` must be among {', '.join(NAMES)}. Received: {sorted(unknown)}.")
    task = load_task(config)
    console.print(f"{len(task.texts.train)} training texts; {task.graph}")
    figures, histories, fused = {}, {}, None
    for name in names:
        console.rule(NAMES[name])
        model, preprocessor, histories[name] = train(config, task, name)
        test = task.texts.test
        logits = model.predict(_batches(config, preprocessor, test), verbose=0)
        figures[name] = task.scores(test.labels, logits)
        if name == "fused":
            fused = model, preprocessor
    training.write_json(pathlib.Path(config.run) / "config.json", vars(config))
    report(config, task, figures, histories, fused, console)
    if fused and config.export is not None:
        publish(config, task, *fused, figures, console)
    headline = {
        ("" if name == "fused" else name + "_") + figure: round(value, 4)
        for name, row in figures.items()
        for figure, value in row.items()
    }
    seconds = round(time.perf_counter() - start, 1)
    result = {"recipe": "joint_training", **headline, "seed": config.seed, "seconds": seconds}
    training.write_json(pathlib.Path(config.run) / "metrics.json", result)
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
