"""A graph model teaches a text model, which then needs no graph: distillation.

The student reads what is written of two entities and tells the relation between them. It has
labels for a few facts only. The teacher, a link predictor, knows the graph: for any two entities it
tells how plausible each relation is, and that is what the student learns of all other pairs. Its
twin, the same student without a teacher, has the labels alone, for as many steps of as many facts.
Both are asked about entities that nobody has told them of: all facts of a tenth of the entities are
kept from student and teacher. An answer is right if it is a fact.

    python recipes/distillation.py
    python recipes/distillation.py --data FB15k-237 --seed SEED

The student is exported: two texts in, relations out.
"""

import dataclasses
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

# isort: split
import kgkeras  # noqa: F401  (before Keras: it sets TensorFlow's defaults)

# isort: split
import keras
import numpy as np
import tensorflow as tf
from described_pairs import SIDES, batches, load_task, predict
from keras import ops
from rich.console import Console
from rich.table import Table

from kgkeras import evaluation, export, layers, losses, models, pipelines, scorers, training
from kgkeras import text as kgtext
from kgkeras.optimizers import SparseAdagrad
from kgkeras.training import setting


@dataclasses.dataclass(frozen=True)
class Config:
    """The recipe's whole configuration."""

    data: str = setting("geography", "a benchmark, or a folder of train, valid and test.txt")
    held_out: float = setting(0.1, "share of the entities that only the test asks about")
    labelled: float = setting(0.05, "share of the other facts whose relation the student is told")
    dim: int = setting(96, "length of the student's vectors of words")
    max_tokens: int = setting(32, "most tokens of an entity's text")
    teacher_dim: int = setting(128, "length of the teacher's vectors")
    teacher_epochs: int = setting(8, "epochs of the teacher")
    temperature: float = setting(2.0, "of the teacher's answers")
    weight: float = setting(0.7, "of the teacher beside the labels")
    learning_rate: float = setting(2e-3, "learning rate of the student's Adam")
    batch_size: int = setting(256, "facts a batch")
    steps: int = setting(300, "batches an epoch of the student")
    epochs: int = setting(5, "epochs of the student")
    run: str | None = setting(None, "folder of the run; below runs/distillation where None")
    export: str | None = setting("saved_models/relations", "folder of the exported versions")
    seed: int = setting(0, "seed of every random choice")
    devices: int = setting(1, "replicas: GPUs or, where there are none, logical CPU devices")
    resume: bool = setting(True, "go on with an interrupted run")
    limit: int | None = setting(None, "use only so many facts of each split")


# === Teacher ===


def train_teacher(config, task):
    """A link predictor that has also learned to tell relations."""
    training.set_seed(config.seed)
    told = task.graph.with_inverses()
    with training.make_strategy(config.devices).scope():
        model = models.LinkPredictor.from_graph(
            task.graph, scorers.ComplEx(), config.teacher_dim, relation_weight=4.0
        )
        model.compile(SparseAdagrad(0.1), losses.CrossEntropyLoss())
    run = _run(config, "teacher", monitor="loss")
    first_epoch = run.restore(model)
    if not run.finished:
        batches = pipelines.sampled_batches(
            told,
            batch_size=512,
            num_negatives=min(500, task.graph.num_entities),
            chunk_size=512 // config.devices,
            first_epoch=first_epoch,
            seed=config.seed,
        )
        model.fit(
            batches,
            initial_epoch=first_epoch,
            epochs=config.teacher_epochs,
            steps_per_epoch=pipelines.triple_steps(told, 512),
            callbacks=run.callbacks(),
            shuffle=False,
        )
    run.load_best(model)
    return model


def ask_teacher(model, triples, batch_size=4096):
    """The teacher's logits of every relation between head and tail: `(n, relations)`."""
    rows = [triples[i : i + batch_size] for i in range(0, len(triples), batch_size)]
    logits = [model.score_relations(part[:, 0], part[:, 2]) for part in rows]
    return np.concatenate([ops.convert_to_numpy(part) for part in logits]).astype("float16")


# === Student ===


def make_student(config, vocabulary_size, num_relations):
    """Two texts, `(batch, tokens)` each, to logits `(batch, relations)`."""
    encoder = kgtext.LSTMEncoder(vocabulary_size, config.dim, dropout=0.1)
    pooling = layers.MeanPooling(name="pooling")
    inputs, ends = {}, []
    for side in SIDES:
        tokens = keras.Input((None,), dtype="int32", name=f"{side}_token_ids")
        mask = keras.Input((None,), dtype="bool", name=f"{side}_padding_mask")
        inputs |= {tokens.name: tokens, mask.name: mask}
        words = encoder({"token_ids": tokens, "padding_mask": mask})
        ends.append(pooling(words, tokens, mask))
    head, tail = ends
    pair = ops.concatenate([head, tail, head * tail, ops.absolute(head - tail)], axis=-1)
    hidden = keras.layers.Dense(2 * config.dim, activation="gelu", name="hidden")(pair)
    hidden = keras.layers.Dropout(0.1, name="dropout")(hidden)
    logits = keras.layers.Dense(num_relations, name="relations")(hidden)
    return keras.Model(inputs, logits, name="student")


class ValidAccuracy(keras.callbacks.Callback):
    """Logs `val_accuracy`: how often the student's answer is a fact."""

    def __init__(self, student, texts, facts, right):
        super().__init__()
        self.student, self.texts, self.facts, self.right = student, texts, facts, right

    def on_epoch_end(self, epoch, logs=None):
        """Asks the student."""
        logs["val_accuracy"] = float(self.right(self.student, self.texts, self.facts).mean())


def train_student(config, task, texts, tokenizer, logits, right, name):
    """Trains a student with or without its teacher; returns it with its best weights."""
    training.set_seed(config.seed)
    facts, labels = task.graph.triples, task.graph.triples[:, 1].copy()
    if name == "distilled":
        labels[np.setdiff1d(np.arange(len(labels)), task.labelled)] = -1  # nobody tells
    else:
        facts, labels, logits = (column[task.labelled] for column in (facts, labels, logits))
    with training.make_strategy(config.devices).scope():
        student = make_student(config, tokenizer.vocabulary_size, task.graph.num_relations)
        weight = config.weight if name == "distilled" else 0.0
        model = models.KnowledgeDistillation(student, temperature=config.temperature, weight=weight)
        schedule = keras.optimizers.schedules.CosineDecay(
            config.learning_rate, config.epochs * config.steps
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
        model.compile(keras.optimizers.AdamW(schedule), loss, jit_compile=False)
    run = _run(config, name, monitor="val_accuracy", mode="max")
    first_epoch = run.restore(model)
    if not run.finished:
        model.fit(
            batches(texts, facts, labels, logits, config, first_epoch * config.steps),
            initial_epoch=first_epoch,
            epochs=config.epochs,
            steps_per_epoch=config.steps,
            callbacks=[ValidAccuracy(student, texts, task.valid, right), *run.callbacks()],
            shuffle=False,
        )
    run.load_best(model)
    return student, run.history()


def _run(config, name, **options):
    settings = {k: v for k, v in vars(config).items() if k not in ("run", "export", "resume")}
    folder = pathlib.Path(config.run) / name
    return training.TrainingRun(folder, settings, resume=config.resume, **options)


# === Results ===


def publish(config, task, texts, student, tokenizer, result, console):
    """Exports the student: two texts in, its likeliest relations out."""
    preprocessor = kgtext.Preprocessor(tokenizer, sequence_length=config.max_tokens)
    names = kgtext.StringList(task.graph.relations, "relations")
    count = min(5, task.graph.num_relations)

    def relations(head, tail):
        inputs = {}
        for side, text in zip(SIDES, (head, tail), strict=True):
            encoded = preprocessor(text)
            inputs |= {f"{side}_{key}": encoded[key] for key in ("token_ids", "padding_mask")}
        best = tf.math.top_k(tf.nn.softmax(student(inputs, training=False)), count)
        return {"relations": names(best.indices), "scores": best.values}

    samples = {side: np.array([task.graph.entity_name(0)], dtype=object) for side in SIDES}
    specs = [tf.TensorSpec([None], tf.string, name=side) for side in SIDES]
    endpoint = export.Endpoint("relations", relations, specs, samples)
    card = {"data": config.data, "config": dataclasses.asdict(config), "metrics": result}
    tracked = [preprocessor, names]
    folder = export.write_saved_model(config.export, [endpoint], tracked=tracked, card=card)
    console.print(f"Exported: {folder}\n\nServe it, and ask it from another shell:", soft_wrap=True)
    head, _, tail = task.test[0]
    example = {side: task.graph.entity_name(i) for side, i in zip(SIDES, (head, tail), strict=True)}
    for line in export.usage(folder, example):
        print(f"  {line}")


def report(config, figures, histories, gain, interval, console):
    """Prints the table, and draws the curves."""
    table = Table(title=f"{config.data}, seed {config.seed}: relations of entities never told of")
    table.add_column("student")
    table.add_column("accuracy")
    for name, right in figures.items():
        table.add_row(name, f"{right.mean():.4f}")
    console.print(table)
    console.print(f"Gain {gain:.4f}, 95 % interval {interval[0]:.4f} to {interval[1]:.4f}")
    run = pathlib.Path(config.run)
    evaluation.plot_histories(histories, ("loss", "val_accuracy"), run / "curves.png")
    console.print("Plots:", run / "curves.png")


def main(config):
    """Runs the recipe; returns its headline figures."""
    if config.run is None:
        name = f"{pathlib.Path(config.data).name}-{config.seed}"
        config = dataclasses.replace(config, run=f"runs/distillation/{name}")
    console, start = Console(), time.perf_counter()
    task = load_task(config)
    console.print(f"{task.graph}; {len(task.labelled)} facts are labelled, {len(task.test)} asked")
    graph = task.graph
    names = [*map(graph.entity_name, range(graph.num_entities))]
    tokenizer = kgtext.WordTokenizer.from_texts([*names, *graph.entity_texts.descriptions])
    texts = pipelines.TripleTexts.from_graph(graph, tokenizer, max_tokens=config.max_tokens)
    facts = {
        tuple(fact) for fact in np.concatenate([graph.triples, task.valid, task.test]).tolist()
    }

    def right(student, texts, asked):
        answers = predict(student, texts, asked)
        told = zip(asked[:, 0].tolist(), answers.tolist(), asked[:, 2].tolist(), strict=True)
        return np.array([fact in facts for fact in told])

    console.rule("the teacher")
    logits = ask_teacher(train_teacher(config, task), graph.triples)
    figures, histories = {}, {}
    for name in ("undistilled", "distilled"):
        console.rule(name)
        student, histories[name] = train_student(
            config, task, texts, tokenizer, logits, right, name
        )
        figures[name] = right(student, texts, task.test)
    columns = figures["distilled"], figures["undistilled"]
    gain = float(columns[0].mean() - columns[1].mean())
    interval = evaluation.bootstrap_interval(lambda a, b: a.mean() - b.mean(), *columns)
    report(config, figures, histories, gain, interval, console)
    result = {
        "recipe": "distillation",
        "data": pathlib.Path(config.data).name,
        "accuracy": round(float(columns[0].mean()), 4),
        "undistilled_accuracy": round(float(columns[1].mean()), 4),
        "gain_from": round(interval[0], 4),
        "gain_to": round(interval[1], 4),
        "seed": config.seed,
        "seconds": round(time.perf_counter() - start, 1),
    }
    if config.export is not None:
        publish(config, task, texts, student, tokenizer, result, console)
    training.write_json(pathlib.Path(config.run) / "metrics.json", result)
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
