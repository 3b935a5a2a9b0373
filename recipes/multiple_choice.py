"""Which answer is right? Multiple choice by words, by counted facts, and by both together.

CommonsenseQA's in-house split, with ConceptNet; or, by default, questions made of the facts of
geography, where each split asks about facts of its own: words alone cannot know, the graph, which
holds them all, does. From the same seed:

- `counts`: no words at all; a linear layer over the number of facts, and of walks of two, between
  the entities of the question and those of the answer: the counter that a network must beat;
- `text_only`: the words alone;
- `knowledge`: the vectors of a link predictor enter the words and are asked for the claim that
  question and answer make, counted facts stand beside, and the graph's facts are learned on,
  L = L_task + w * L_KG;
- `control`: the same with a graph whose entities are shuffled;
- `questions`: words alone, after `--fact_questions` made of the graph's facts, without its vectors,
  which would tell the answers; knowledge and control then begin with such an encoder, too.

With `--read apart` a bi-encoder reads a question and its answers each by itself. It knows the graph
by having told the tails of facts from others before, as texts, as a `TextLinkPredictor` does.

The figure is the accuracy, with a 95 % bootstrap interval over the test questions, and the paired
interval of each row's gain on the text alone.

    python recipes/multiple_choice.py
    python recipes/multiple_choice.py --data CommonsenseQA --encoder MINILM --dtype bfloat16
    python recipes/multiple_choice.py --data CommonsenseQA --encoder MINILM --read apart

CommonsenseQA, read apart, MiniLM, test accuracy, seed 0, one busy core each, 2026-12-01: texts
alone .464 (18 minutes), after ConceptNet's facts .496 (50), shuffled ones .471 (53); the command is
in the README.
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
import choice_data
import compared
import joint_training
import keras
import matched_choices
import nominals
import numpy as np
from rich.console import Console

from kgkeras import datasets, graph, layers, models, pipelines, text, training
from kgkeras.training import setting

NAMES = {
    "counts": "counted facts alone",
    "text_only": "text only",
    "knowledge": "text and knowledge",
    "control": "shuffled knowledge",
    "questions": "text, after facts as questions",
}
# What is right for a small encoder from scratch is not for a pretrained one.
SCRATCH = dict(epochs=8, batch_size=32, learning_rate=2e-3, new_rate=5.0, table_rate=5.0)
PRETRAINED = dict(epochs=3, batch_size=16, learning_rate=1e-4, new_rate=5.0, table_rate=5.0)


@dataclasses.dataclass(frozen=True)
class Config:
    """The recipe's whole configuration; what is None depends on the encoder, see above."""

    data: str = setting("geography", "what to learn", ("geography", "CommonsenseQA"))
    encoder: str = setting("lstm", "lstm, transformer, a keras-hub preset, or a model's folder")
    fusion: str = setting("gated", "how knowledge reaches the words", tuple(joint_training.FUSIONS))
    scorer: str = setting("distmult", "what judges triples", tuple(nominals.SCORERS))
    dim: int = setting(64, "length of the vectors of entities and small encoders")
    sequence_length: int = setting(64, "most tokens of a question and an answer")
    read: str = setting("together", "question and answer, or each by itself", choice_data.READ)
    kg_epochs: int = setting(20, "epochs of the link predictor, before the questions")
    kg_weight: float = setting(1.0, "weight of the graph's loss beside the task's")
    fact_questions: int = setting(0, "questions made of facts, to learn from first")
    fact_epochs: int = setting(1, "epochs over those, or over facts where all is read apart")
    fact_steps: int = setting(200, "steps of such an epoch over facts")
    fact_batch_size: int = setting(128, "facts a step")
    epochs: int | None = setting(None, "epochs to train")
    batch_size: int | None = setting(None, "questions a batch")
    learning_rate: float | None = setting(None, "learning rate of the text model")
    new_rate: float | None = setting(None, "times that, for the layers beside the encoder")
    table_rate: float | None = setting(None, "times that, for the tables of entities and relations")
    dtype: str = setting("float32", "precision of a pretrained encoder", ("float32", "bfloat16"))
    models: str = setting(
        "counts,text_only,knowledge,control", f"which models to train, of {', '.join(NAMES)}"
    )
    run: str | None = setting(None, "folder of the run; below runs/choices where None")
    export: str | None = setting("saved_models/choices", "folder of the exported versions")
    seed: int = setting(0, "seed of every random choice")
    devices: int = setting(1, "replicas: GPUs or, where there are none, logical CPU devices")
    resume: bool = setting(True, "go on with an interrupted run")
    limit: int | None = setting(None, "use only so many questions of each split")


def make_encoder(config, task):
    """A new encoder and its tokenizer."""
    learn = task.questions.train
    texts = [*learn.questions, *(choice for choices in learn.choices for choice in choices)]
    labelled = datasets.LabelledTexts(texts, np.zeros(len(texts), "int32"))
    words = joint_training.Task(datasets.TextTask(*[labelled] * 3, ("",)), task.graph)
    return joint_training.make_encoder(config, words)


def make_model(config, encoder, vectors, facts):
    """A model of words and, with `vectors`, of knowledge; without an encoder, of counts alone."""
    counts = None
    if facts is not None:
        counts = graph.FactCounts(graph.FactIndex.from_graph(facts.with_inverses(), name="facts"))
    if encoder is None:
        return models.KnowledgeClassifier(None, counts, choices=True)
    head, parts = layers.ClassificationHead(1, "binary", dropout=0.1, name="head"), {}
    if vectors is not None:
        entities, relations = (
            layer(*matrix.shape, initial_matrix=matrix, name=name)
            for layer, matrix, name in zip(
                (layers.EntityEmbedding, layers.RelationEmbedding),
                vectors,
                ("entities", "relations"),
                strict=True,
            )
        )
        parts = {
            "triples": layers.TripleEmbedding(entities, relations, name="triples"),
            "fusion": joint_training.FUSIONS[config.fusion](name="fusion"),
            "scorer": nominals.SCORERS[config.scorer](name="scorer"),
            "kg_weight": config.kg_weight,
        }
    reader = models.JointModel(encoder, head, **parts, name="joint")
    return models.KnowledgeClassifier(reader, counts, choices=True)


def fit(config, model, preprocessor, learn, valid, facts, folder, epochs):
    """Trains on questions, or goes on with it; the model has its best weights then."""
    compared.compile_classifier(
        dataclasses.replace(config, epochs=epochs),
        model,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
        len(learn),
        ("fusion", "head", "reader", "evidence"),
    )
    run = training.TrainingRun(
        folder, nominals.settings(config), monitor="val_accuracy", resume=config.resume
    )
    first_epoch = run.restore(model)
    if not run.finished:
        batches = pipelines.joint_batches(
            choice_data.encode(model, preprocessor, learn),
            learn.labels,
            facts,
            batch_size=config.batch_size,
            first_epoch=first_epoch,
            seed=config.seed,
        )
        model.fit(
            batches,
            initial_epoch=first_epoch,
            epochs=epochs,
            steps_per_epoch=pipelines.steps_per_epoch(len(learn), config.batch_size),
            validation_data=_batches(config, model, preprocessor, valid),
            callbacks=run.callbacks(),
            shuffle=False,
        )
    run.load_best(model)
    return run.history()


def _batches(config, model, preprocessor, questions):
    encoded = choice_data.encode(model, preprocessor, questions)
    return pipelines.text_batches(encoded, questions.labels, 4 * config.batch_size)


def train(config, task, name, facts):
    """Trains one of the models; returns it, its preprocessor and its history."""
    training.set_seed(config.seed)
    folder = pathlib.Path(config.run) / name
    reads, knows = name != "counts", name in ("knowledge", "control")
    apart = reads and config.read == "apart"
    vectors = nominals.learn_graph(config, facts, name) if knows and not apart else None
    strategy = training.make_strategy(config.devices)
    with strategy.scope():
        # Where nothing is read, any tokenizer will do.
        nothing = None, text.WordTokenizer(["word"])
        encoder, tokenizer = make_encoder(config, task) if reads else nothing
    linker = text.DictionaryLinker.from_graph(task.graph, plurals=True)
    preprocessor = text.Preprocessor(tokenizer, linker, config.sequence_length)
    if reads and facts is not None and config.fact_questions:
        with strategy.scope():
            reader = make_model(config, encoder, None, None)
        learn_questions(config, task, reader, preprocessor, facts, folder / "facts")
    with strategy.scope():
        if apart:
            told = facts if knows else None
            model = matched_choices.make_model(config, encoder, tokenizer, told, folder / "facts")
        else:
            model = make_model(config, encoder, vectors, None if name == "questions" else facts)
    learned = None if vectors is None else facts
    splits = task.questions.train, task.questions.valid
    history = fit(config, model, preprocessor, *splits, learned, folder, config.epochs)
    return model, preprocessor, history


def learn_questions(config, task, reader, preprocessor, facts, folder):
    """Trains a model of words alone, and with it its encoder, on questions made of facts."""
    count, number = config.fact_questions, len(task.questions.train.choices[0])
    made = pipelines.fact_questions(facts, number, count=count, seed=config.seed)
    fit(config, reader, preprocessor, made, task.questions.valid, None, folder, config.fact_epochs)


def accuracy(labels, answers):
    """The share of right answers."""
    return float(np.mean(labels == answers))


def publish(config, task, model, preprocessor, figures, console):
    """Exports the model, and says how to serve and ask it."""
    test = task.questions.test
    folder = kgkeras.export.export_model(
        model,
        config.export,
        preprocessor=preprocessor,
        graph=None if config.read == "apart" else task.graph,
        samples=list(zip(test.questions[:8], test.choices[:8], strict=True)),
        card={"data": config.data, "config": dataclasses.asdict(config), "metrics": figures},
    )
    console.print(f"Exported: {folder}\n\nServe it, and ask it from another shell:", soft_wrap=True)
    request = {"question": test.questions[0], "choices": list(test.choices[0])}
    for line in kgkeras.export.usage(folder, request):
        print(f"  {line}")


def complete(config):
    """Fills in what depends on the encoder."""
    defaults = SCRATCH if config.encoder in joint_training.SMALL else PRETRAINED
    missing = {name: value for name, value in defaults.items() if getattr(config, name) is None}
    if config.run is None:
        encoder = pathlib.Path(config.encoder).name
        missing["run"] = f"runs/choices/{config.data}-{encoder}-{config.seed}"
    return dataclasses.replace(config, **missing)


def main(config):
    """Runs the recipe; returns its headline figures."""
    config, console, start = complete(config), Console(), time.perf_counter()
    names = compared.checked_models(config, NAMES)
    if "questions" in names and not config.fact_questions:
        raise ValueError("`questions` among `models` needs `fact_questions`. Received: 0.")
    if config.read == "apart" and config.fact_questions:
        raise ValueError(
            "`fact_questions` are for what is read together; apart, facts are learned as texts "
            f"(`fact_steps`). Received: {config.fact_questions}."
        )
    task = choice_data.load_task(config)
    console.print(f"{len(task.questions.train)} training questions; {task.graph}")
    graphs = dict.fromkeys(("counts", "knowledge", "questions"), task.graph)
    graphs["control"] = task.graph.shuffled(config.seed)
    labels, answers, figures, histories, exported = task.questions.test.labels, {}, {}, {}, None
    for name in names:
        console.rule(NAMES[name])
        model, preprocessor, histories[name] = train(config, task, name, graphs.get(name))
        logits = model.predict(
            _batches(config, model, preprocessor, task.questions.test), verbose=0
        )
        answers[name] = np.argmax(logits, axis=-1)
        if name == "knowledge":
            exported = model, preprocessor
    for name in names:
        figures[name] = compared.measure(
            "accuracy", accuracy, labels, answers[name], answers.get("text_only")
        )
    training.write_json(pathlib.Path(config.run) / "config.json", vars(config))
    title = f"{config.data}, {config.fusion}, seed {config.seed}"
    compared.report(title, NAMES, figures, histories, config.run, console)
    if exported and config.export is not None:
        publish(config, task, *exported, figures, console)
    result = {"recipe": "multiple_choice", "data": config.data}
    result |= compared.headline(figures, "knowledge")
    result |= {"seed": config.seed, "seconds": round(time.perf_counter() - start, 1)}
    training.write_json(pathlib.Path(config.run) / "metrics.json", result)
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
