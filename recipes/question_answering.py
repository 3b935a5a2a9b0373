"""Answers questions by walking along the facts of a graph, learned from answers alone.

Trains a `QuestionAnswerer` on MetaQA's questions about films: no path is told, only which entities
answer. Beside it stand the text alone (an encoder that names the answer from the words) and a
classifier of relation paths. Draws the walks to some answers, exports a SavedModel that holds the
graph, takes a question and gives names and the facts that led to them, and says how to serve it.

MetaQA's training questions are not published where they could be fetched: this trains on the
official dev questions, keeps a tenth of them for validation, and tests on the official test
questions. Topics stand in square brackets, and the linker finds them there.

    python recipes/question_answering.py --hops all  # or 1, 2, 3

One of 2 CPU cores, seed 0: test Hits@1 .972, 1.000 and 1.000 for one, two and three hops after 1 to
3 minutes of training each; .951 with one model for all after 9; the table is in the README.
"""

import dataclasses
import functools
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
import question_baselines
from rich.console import Console
from rich.table import Table

from kgkeras import datasets, evaluation, graph, models, pipelines, text, training
from kgkeras.training import setting

MARKERS = ("[", "]")
# What may differ between a run and its resumption.
ELSEWHERE = ("run", "export", "resume", "baselines")


@dataclasses.dataclass(frozen=True)
class Config:
    """The recipe's whole configuration."""

    data: str = setting("MetaQA", "the graph and its questions", ("MetaQA",))
    hops: str = setting(
        "1", "facts that an answer takes; all for one model", ("1", "2", "3", "all")
    )
    facts: float = setting(1.0, "share of the graph's facts that is kept, drawn at random")
    dim: int = setting(128, "length of the encoder's vectors")
    epochs: int = setting(5, "epochs to train")
    batch_size: int = setting(64, "questions a batch")
    learning_rate: float = setting(2e-3, "learning rate of Adam")
    baselines: bool = setting(True, "also train what it must beat")
    run: str | None = setting(None, "folder of the run; below runs/questions where None")
    export: str | None = setting("saved_models/questions", "folder of the exported versions")
    seed: int = setting(0, "seed of every random choice")
    devices: int = setting(1, "replicas: GPUs or, where there are none, logical CPU devices")
    resume: bool = setting(True, "go on with an interrupted run")
    limit: int | None = setting(None, "use only so many questions of each split and hops")


@dataclasses.dataclass(frozen=True)
class Questions:
    """Questions as arrays: their tokens, what they start from and what answers them."""

    texts: tuple[str, ...]
    hops: np.ndarray  # (questions,)
    topics: np.ndarray  # (questions,)
    answers: np.ndarray  # (questions, answers), -1 fills up
    encoded: dict

    def take(self, rows):
        """The questions of some rows."""
        return Questions(
            tuple(self.texts[row] for row in rows),
            self.hops[rows],
            self.topics[rows],
            self.answers[rows],
            {name: column[rows] for name, column in self.encoded.items()},
        )


def load_graph(config):
    """The graph, and what of its facts the model may know."""
    whole = datasets.load(config.data)
    if config.facts == 1:
        return whole
    rng = np.random.default_rng(config.seed)
    kept = rng.permutation(whole.num_triples)[: round(config.facts * whole.num_triples)]
    return whole.with_triples(whole.triples[np.sort(kept)])


def load_questions(config, split):
    """The questions of a split, and how many facts each takes."""
    wanted = (1, 2, 3) if config.hops == "all" else (int(config.hops),)
    rng = np.random.default_rng(config.seed)
    questions = []
    for hops in wanted:
        loaded = datasets.load_questions(hops, split)
        rows = rng.permutation(len(loaded))[: config.limit]
        questions += [(hops, loaded[row]) for row in rows]
    return questions


def make_preprocessor(config, known):
    """The tokenizer of the questions to learn from, and the linker of the graph's names."""
    texts = [question.text for _, question in load_questions(config, "dev")]
    tokenizer = text.WordTokenizer.from_texts(texts, markers=MARKERS)
    linker = text.DictionaryLinker.from_graph(known, max_words=20)
    return text.Preprocessor(tokenizer, linker, sequence_length=48, marked_only=True)


def encode(config, known, preprocessor, split):
    """`Questions` of a split."""
    loaded = load_questions(config, split)
    answers = np.full((len(loaded), max(len(q.answers) for _, q in loaded)), -1, "int32")
    for row, (_, question) in enumerate(loaded):
        ids = [known.entity_index[name] for name in question.answers]
        answers[row, : len(ids)] = ids
    texts = tuple(question.text for _, question in loaded)
    return Questions(
        texts,
        np.array([hops for hops, _ in loaded]),
        np.array([known.entity_index[question.topic] for _, question in loaded]),
        answers,
        pipelines.encode_texts(preprocessor, texts),
    )


def prepare(config, known):
    """The preprocessor, and the questions to learn from, to choose by and to test on."""
    preprocessor = make_preprocessor(config, known)
    dev, test = (encode(config, known, preprocessor, split) for split in ("dev", "test"))
    order = np.random.default_rng(config.seed).permutation(len(dev.topics))
    held_out = len(order) // 10
    return preprocessor, dev.take(order[held_out:]), dev.take(order[:held_out]), test


def make_model(config, known, tokenizer, supposed=None, kg_weight=0.0):
    """A compiled model; `supposed` is a `graph.SupposedFacts` to walk along as well."""
    facts = graph.FactIndex.from_graph(known.with_inverses(), name="facts")
    hops = 3 if config.hops == "all" else int(config.hops)
    walk = graph.RelationWalk(facts, hops, supposed=supposed, name="walk")
    encoder = text.LSTMEncoder(tokenizer.vocabulary_size, config.dim, dropout=0.1)
    model = models.QuestionAnswerer(
        encoder, walk, mention_id=tokenizer.unknown_id, kg_weight=kg_weight
    )
    model.compile(keras.optimizers.Adam(config.learning_rate, global_clipnorm=1.0))
    return model


def train(config, model_of, learn, valid, told=None):
    """Trains what `model_of()` gives, or goes on; returns it at its best, and its history.

    Batches also hold facts of the graph `told`, if there is one.
    """
    training.set_seed(config.seed)
    with training.make_strategy(config.devices).scope():
        model = model_of()
    settings = {key: value for key, value in vars(config).items() if key not in ELSEWHERE}
    run = training.TrainingRun(config.run, settings, monitor="val_hits@1", resume=config.resume)
    first_epoch = run.restore(model)
    if not run.finished:
        model.fit(
            pipelines.joint_batches(
                learn.encoded,
                learn.answers,
                told,
                batch_size=config.batch_size,
                first_epoch=first_epoch,
                seed=config.seed,
            ),
            initial_epoch=first_epoch,
            epochs=config.epochs,
            steps_per_epoch=pipelines.steps_per_epoch(len(learn.topics), config.batch_size),
            validation_data=batches(config, valid),
            callbacks=run.callbacks(),
            shuffle=False,
        )
    run.load_best(model)
    return model, run.history()


def batches(config, questions):
    """`Questions` and their answers in order, for predicting and evaluating."""
    return pipelines.text_batches(questions.encoded, questions.answers, 4 * config.batch_size)


def measure(config, known, model, test):
    """Hits@1 on the test questions, together and by hops, and how many walks were right."""
    figures = {
        "hits@1": model.evaluate(batches(config, test), verbose=0, return_dict=True)["hits@1"]
    }
    for hops in np.unique(test.hops) if config.hops == "all" else ():
        part = test.take(np.flatnonzero(test.hops == hops))
        result = model.evaluate(batches(config, part), verbose=0, return_dict=True)
        figures[f"hits@1_{hops}_hops"] = result["hits@1"]
    outputs = model.predict(batches(config, test), verbose=0)
    figures["path_accuracy"] = question_baselines.path_accuracy(known, test, outputs)
    return figures


def baselines(config, known, preprocessor, learn, test):
    """Hits@1 of the text alone and, where all answers take as many facts, of paths' classifier."""
    tokenizer = preprocessor.tokenizer
    splits = [(questions.encoded, questions.answers) for questions in (learn, test)]
    figures = {
        "text_only_hits@1": question_baselines.text_only_hits(config, known, tokenizer, *splits)
    }
    if config.hops != "all":
        finder = question_baselines.PathFinder(known.with_inverses(), int(config.hops))
        splits = [
            (
                question_baselines.masked(questions.encoded, tokenizer),
                questions.topics,
                questions.answers,
            )
            for questions in (learn, test)
        ]
        hits = question_baselines.path_classifier_hits(config, finder, tokenizer, *splits)
        figures["path_classifier_hits@1"] = hits
    return figures


def publish(config, known, model, preprocessor, test, figures, console):
    """Exports the model, and says how to serve and ask it."""
    folder = kgkeras.export.export_question_answerer(
        model,
        preprocessor,
        known,
        config.export,
        samples=test.texts[:8],
        card={"data": config.data, "config": dataclasses.asdict(config), "metrics": figures},
    )
    console.print(f"Exported: {folder}\n\nServe it, and ask it from another shell:", soft_wrap=True)
    for line in kgkeras.export.usage(folder, test.texts[0]):
        print(f"  {line}")


def show(config, figures, console):
    """Prints the figures as a table."""
    table = Table(title=f"{config.data}, hops: {config.hops}, seed {config.seed}: test questions")
    table.add_column("figure")
    table.add_column("value")
    for name, value in figures.items():
        table.add_row(name, f"{value:.4f}")
    console.print(table)


def report(config, known, model, history, test, figures, console):
    """Prints the figures; draws learning curves and the walks of some questions."""
    show(config, figures, console)
    run = pathlib.Path(config.run)
    curves = ("loss", "hits@1", "val_hits@1")
    evaluation.plot_histories({"walk": history}, curves, run / "learning_curves.png")
    some = test.take(np.arange(min(4, len(test.texts))))
    outputs = model.predict(batches(config, some), verbose=0)
    evaluation.plot_walks(known.with_inverses(), some.texts, outputs, run / "walks.png")
    console.print("Plots:", *sorted(run.glob("*.png")))


def main(config):
    """Runs the recipe; returns its headline figures."""
    if config.run is None:
        name = f"{config.data}-{config.hops}-{config.facts:g}-{config.seed}"
        config = dataclasses.replace(config, run=f"runs/questions/{name}")
    console = Console()
    start = time.perf_counter()
    known = load_graph(config)
    preprocessor, learn, valid, test = prepare(config, known)
    console.print(
        f"{known}; {len(learn.topics)} questions to learn from, {len(test.topics)} to test"
    )
    model_of = functools.partial(make_model, config, known, preprocessor.tokenizer)
    model, history = train(config, model_of, learn, valid)
    seconds = round(time.perf_counter() - start, 1)
    figures = measure(config, known, model, test)
    if config.baselines:
        figures |= baselines(config, known, preprocessor, learn, test)
    report(config, known, model, history, test, figures, console)
    run = pathlib.Path(config.run)
    model.save(run / "model.keras")
    text.save_preprocessor(preprocessor, run / "preprocessor")
    if config.export is not None:
        publish(config, known, model, preprocessor, test, figures, console)
    rounded = {name: round(value, 4) for name, value in figures.items()}
    result = {"recipe": "question_answering", "hops": config.hops, **rounded}
    result |= {"seed": config.seed, "seconds": seconds}
    training.write_json(run / "metrics.json", result)
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
