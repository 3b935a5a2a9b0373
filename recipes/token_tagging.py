"""Which words name a person, a place, a product? Named entities with knowledge, by rows.

CoNLL04 or WNUT17 (emerging entities); Freebase (FB15k-237's training facts) knows about some of the
names. First a link predictor learns the facts around what the task's texts may name, without any
tag. Then, from the same seed:

- `text_only`: the words alone;
- `knowledge`: entities' vectors enter the words that may name them;
- `joint`: the same, while the graph's facts are learned on beside the task, L = L_task + w * L_KG;
- `words`: facts enter as words of their own, seen from where they belong (K-BERT);
- `control`: as `joint`, with a graph whose entities are shuffled.

The figure is micro-averaged F1 of whole spans on the test split, as CoNLL counts it, with a 95 %
bootstrap interval over the texts, and the paired interval of each row's gain on the text alone.

    python recipes/token_tagging.py --data CoNLL04 --encoder FOLDER_OF_MINILM --dtype bfloat16
    python recipes/token_tagging.py --data WNUT17 --encoder transformer
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
import compared
import joint_training
import nominals
import numpy as np
from rich.console import Console

from kgkeras import datasets, evaluation, layers, losses, metrics, models, pipelines, text, training
from kgkeras.training import setting

NAMES = {
    "text_only": "text only",
    "knowledge": "+ knowledge",
    "joint": "+ auxiliary loss",
    "words": "facts as words",
    "control": "shuffled knowledge",
}
# What is right for a small encoder from scratch is not for a pretrained one.
SCRATCH = dict(epochs=10, batch_size=32, learning_rate=2e-3, new_rate=1.0, table_rate=1.0)
PRETRAINED = dict(epochs=8, batch_size=16, learning_rate=2e-4, new_rate=5.0, table_rate=5.0)


@dataclasses.dataclass(frozen=True)
class Config:
    """The recipe's whole configuration; what is None depends on the encoder, see above."""

    data: str = setting("CoNLL04", "what to tag", datasets.names("tagged"))
    graph: str = setting("FB15k-237", "what knows the names; a graph's name or folder")
    encoder: str = setting("transformer", "transformer, a keras-hub preset, or a model's folder")
    fusion: str = setting("gated", "how knowledge reaches the words", tuple(joint_training.FUSIONS))
    fusion_after: int | None = setting(None, "encoder layers before that; None is behind them all")
    scorer: str = setting("complex", "what judges triples", tuple(nominals.SCORERS))
    dim: int = setting(64, "length of the vectors of entities and small encoders")
    length: int = setting(128, "most tokens of a text")
    max_facts: int = setting(2, "facts of an entity that enter as words")
    max_degree: int = setting(32, "most facts that an entity brings in")
    kg_epochs: int = setting(40, "epochs of the link predictor, before the texts")
    kg_weight: float = setting(1.0, "weight of the graph's loss beside the task's")
    epochs: int | None = setting(None, "epochs to train")
    batch_size: int | None = setting(None, "texts a batch")
    learning_rate: float | None = setting(None, "learning rate of the text model")
    new_rate: float | None = setting(None, "times that, for the layers beside the encoder")
    table_rate: float | None = setting(None, "times that, for the tables of entities and relations")
    dtype: str = setting("float32", "precision of a pretrained encoder", ("float32", "bfloat16"))
    models: str = setting(",".join(NAMES), "which models to train")
    run: str | None = setting(None, "folder of the run; below runs/tags where None")
    export: str | None = setting("saved_models/tags", "folder of the exported versions")
    seed: int = setting(0, "seed of every random choice")
    devices: int = setting(1, "replicas: GPUs or, where there are none, logical CPU devices")
    resume: bool = setting(True, "go on with an interrupted run")
    limit: int | None = setting(None, "use only so many texts of each split")


@dataclasses.dataclass(frozen=True)
class Task:
    """Tagged texts, and the facts around what they may name.

    `texts` and `markers` are what `joint_training.make_encoder` asks for.
    """

    train: datasets.TaggedTexts
    valid: datasets.TaggedTexts
    test: datasets.TaggedTexts
    types: tuple[str, ...]
    graph: kgkeras.kg.KnowledgeGraph
    markers: tuple[str, ...] = ()

    @property
    def texts(self):
        """The task itself."""
        return self


def load_task(config):
    """The texts, and the part of the graph around the entities whose names stand in them."""
    task = datasets.load_tagged(config.data)
    splits = {name: getattr(task, name).take(config.limit) for name in ("train", "valid", "test")}
    graph = datasets.load(config.graph)
    graph = getattr(graph, "train", graph)
    reads = preprocessor_of(text.WordTokenizer(["word"]), graph, config.length)
    named = [pipelines.encode_texts(reads, part.texts)["entity_ids"] for part in splits.values()]
    named = np.concatenate([ids.ravel() for ids in named])
    part = pipelines.TaskSubgraph.around(
        graph, named, hops=1, max_degree=config.max_degree, seed=config.seed
    )
    return Task(**splits, types=task.types, graph=part.compact()[0])


def preprocessor_of(tokenizer, graph, length):
    """What turns texts into tokens, and names into entities."""
    return text.Preprocessor(tokenizer, text.DictionaryLinker.from_graph(graph), length)


def make_model(config, task, encoder, vectors, as_words):
    """A compiled model; without vectors the words alone, of facts too where `as_words`."""
    head = layers.ClassificationHead(2 * len(task.types) + 1, dropout=0.1, name="head")
    parts = {}
    if vectors is not None:
        entities, relations = vectors
        tables = (
            layers.EntityEmbedding(*entities.shape, initial_matrix=entities, name="entities"),
            layers.RelationEmbedding(*relations.shape, initial_matrix=relations, name="relations"),
        )
        parts = {
            "triples": layers.TripleEmbedding(*tables, name="triples"),
            "fusion": joint_training.FUSIONS[config.fusion](name="fusion"),
            "fusion_after": config.fusion_after,
            "scorer": nominals.SCORERS[config.scorer](name="scorer"),
            "kg_weight": config.kg_weight,
        }
    encoder = text.TreeEncoder(encoder) if as_words else encoder
    model = models.TokenTagger(encoder, head, **parts)
    loss, metric = losses.HiddenTokenLoss(), metrics.SpanF1()
    compared.compile_classifier(config, model, loss, metric, len(task.train), ("fusion", "head"))
    return model


def train(config, task, name, vectors, graph):
    """Trains one of the models, or goes on with it: the best one, its preprocessor, its history."""
    training.set_seed(config.seed)
    as_words = name == "words"
    with training.make_strategy(config.devices).scope():
        encoder, tokenizer = joint_training.make_encoder(config, task)
        model = make_model(config, task, encoder, vectors, as_words)
    reads = preprocessor_of(tokenizer, task.graph, config.length)
    if as_words:
        reads = text.VerbalizedTriples(reads, task.graph, config.max_facts)
    run = training.TrainingRun(
        pathlib.Path(config.run) / name,
        nominals.settings(config),
        monitor="val_f1",
        resume=config.resume,
    )
    first_epoch = run.restore(model)
    if not run.finished:
        model.fit(
            pipelines.joint_batches(
                *pipelines.encode_tagged(reads, task.train),
                graph,
                batch_size=config.batch_size,
                first_epoch=first_epoch,
                seed=config.seed,
            ),
            initial_epoch=first_epoch,
            epochs=config.epochs,
            steps_per_epoch=pipelines.steps_per_epoch(len(task.train), config.batch_size),
            validation_data=pipelines.text_batches(
                *pipelines.encode_tagged(reads, task.valid), 4 * config.batch_size
            ),
            callbacks=run.callbacks(),
            shuffle=False,
            verbose=2,
        )
    run.load_best(model)
    return model, reads, run.history()


def tag(config, model, reads, tagged):
    """A model's tags of the words of texts, one array a text; 0 where a row has been too short."""
    inputs, tags = pipelines.encode_tagged(reads, tagged)
    logits = model.predict(inputs, batch_size=4 * config.batch_size, verbose=0)
    best = text.best_tags(logits, tags >= 0).numpy()
    return pipelines.tags_of_words(tagged, inputs["places"], best)


def measure(task, answers, text_only):
    """The figures of a model's tags, and their gain on those of the text-only model, if any."""
    counts = evaluation.span_counts(task.test.tags, answers)
    base = None if text_only is None else evaluation.span_counts(task.test.tags, text_only)
    # Rows of counts stand for labels and answers both: what is right is counted in them.
    f1 = lambda _, counts: evaluation.span_f1(counts)  # noqa: E731
    told = compared.measure("f1", f1, counts, counts, None if answers is text_only else base)
    micro = evaluation.span_figures(task.test.tags, answers, task.types)["micro"]
    return {**told, "precision": micro["precision"], "recall": micro["recall"]}


def publish(config, task, model, reads, figures, console):
    """Exports the model, and says how to serve and ask it."""
    folder = kgkeras.export.export_model(
        model,
        config.export,
        preprocessor=reads,
        graph=task.graph,
        classes=task.types,
        samples=task.test.texts[:8],
        card={"data": config.data, "config": dataclasses.asdict(config), "metrics": figures},
    )
    console.print(f"Exported: {folder}\n\nServe it, and ask it from another shell:", soft_wrap=True)
    for line in kgkeras.export.usage(folder, task.test.texts[0]):
        print(f"  {line}")


def complete(config):
    """Fills in what depends on the encoder."""
    if config.encoder in joint_training.SMALL and config.length > 128:
        raise ValueError(
            f"`length` of small encoders must be at most 128. Received: {config.length}."
        )
    if config.encoder == "lstm" and "words" in config.models.split(","):
        raise ValueError("`models` of an lstm must be without 'words': facts need a Transformer.")
    defaults = SCRATCH if config.encoder in joint_training.SMALL else PRETRAINED
    missing = {name: value for name, value in defaults.items() if getattr(config, name) is None}
    if config.run is None:
        encoder = pathlib.Path(config.encoder).name
        missing["run"] = f"runs/tags/{config.data}-{encoder}-{config.seed}"
    return dataclasses.replace(config, **missing)


def main(config):
    """Runs the recipe; returns its headline figures."""
    config, console, start = complete(config), Console(), time.perf_counter()
    names = compared.checked_models(config, NAMES)
    task = load_task(config)
    console.print(f"{len(task.train)} training texts; {task.graph}")
    graphs = {"true": task.graph, "shuffled": task.graph.shuffled(config.seed)}
    vectors, figures, histories, answers, exported = {}, {}, {}, {}, None
    for name in names:
        console.rule(NAMES[name])
        kind = {"knowledge": "true", "joint": "true", "control": "shuffled"}.get(name)
        if kind and kind not in vectors:
            vectors[kind] = nominals.learn_graph(config, graphs[kind], kind)
        learned = graphs[kind] if name in ("joint", "control") else None
        model, reads, histories[name] = train(config, task, name, vectors.get(kind), learned)
        answers[name] = tag(config, model, reads, task.test)
        figures[name] = measure(task, answers[name], answers.get("text_only"))
        if name == "joint":
            exported = model, reads
    training.write_json(pathlib.Path(config.run) / "config.json", vars(config))
    title = f"{config.data}, {config.fusion}, seed {config.seed}"
    compared.report(title, NAMES, figures, histories, config.run, console, watched="val_f1")
    if exported and config.export is not None:
        publish(config, task, *exported, figures, console)
    result = {"recipe": "token_tagging", **compared.headline(figures, "joint")}
    result |= {"seed": config.seed, "seconds": round(time.perf_counter() - start, 1)}
    training.write_json(pathlib.Path(config.run) / "metrics.json", result)
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
