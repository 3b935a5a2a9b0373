"""Which relation does a sentence tell between two nominals? Fine-tuning with knowledge, by rows.

SemEval-2010 Task 8, 19 classes; WordNet (WN18RR's training facts) knows about the nominals. First a
link predictor learns the facts around all nominals that the task's sentences mark, without any
label. Then, from the same seed:

- `text_only`: the words alone;
- `knowledge`: the two entities' vectors enter the words and stand beside them, with the graph's
  score of each of its relations between the two;
- `joint`: the same, while the graph's facts are learned on beside the task, L = L_task + w * L_KG;
- `adapters`: as `joint`, with the encoder frozen and small adapters (or LoRA) in it;
- `control`: as `joint`, with a graph whose entities are shuffled, so that every nominal brings what
  is known of another one.

The figure is the official macro-F1, with a 95 % bootstrap interval over the test sentences, and the
paired interval of each row's gain on the text alone.

    python recipes/relation_classification.py --encoder FOLDER_OF_MINILM --dtype bfloat16
    python recipes/relation_classification.py --encoder transformer --models text_only,joint
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
import compared
import joint_training
import nominals
import numpy as np
from rich.console import Console

from kgkeras import evaluation, layers, models, pipelines, text, training
from kgkeras.training import setting

NAMES = {
    "text_only": "text only",
    "knowledge": "+ knowledge",
    "joint": "+ auxiliary loss",
    "adapters": "+ auxiliary loss, encoder frozen",
    "control": "shuffled knowledge",
}
ADAPTERS = ("bottleneck", "k_adapter", "lora")
# What is right for a small encoder from scratch is not for a pretrained one.
SCRATCH = dict(epochs=6, batch_size=64, learning_rate=2e-3, new_rate=1.0, table_rate=1.0)
PRETRAINED = dict(epochs=3, batch_size=32, learning_rate=2e-4, new_rate=5.0, table_rate=5.0)


@dataclasses.dataclass(frozen=True)
class Config:
    """The recipe's whole configuration; what is None depends on the encoder, see above."""

    data: str = setting("semeval", "what to learn", ("semeval",))
    encoder: str = setting("transformer", "transformer, a keras-hub preset, or a model's folder")
    fusion: str = setting("gated", "how knowledge reaches the words", tuple(joint_training.FUSIONS))
    fusion_after: int | None = setting(None, "encoder layers before that; None is behind them all")
    scorer: str = setting("complex", "what judges triples", tuple(nominals.SCORERS))
    dim: int = setting(64, "length of the vectors of entities and small encoders")
    hops: int = setting(1, "how far from the nominals the facts go that are learned")
    max_degree: int = setting(32, "most facts that an entity brings in")
    kg_epochs: int = setting(40, "epochs of the link predictor, before the texts")
    kg_weight: float = setting(1.0, "weight of the graph's loss beside the task's")
    adapter: str = setting("bottleneck", "what is trained of the frozen encoder", ADAPTERS)
    adapter_dim: int = setting(64, "width of the adapters; of LoRA's matrices an eighth of it")
    epochs: int | None = setting(None, "epochs to train")
    batch_size: int | None = setting(None, "texts a batch")
    learning_rate: float | None = setting(None, "learning rate of the text model")
    new_rate: float | None = setting(None, "times that, for the layers beside the encoder")
    table_rate: float | None = setting(None, "times that, for the tables of entities and relations")
    dtype: str = setting("float32", "precision of a pretrained encoder", ("float32", "bfloat16"))
    models: str = setting(",".join(NAMES), "which models to train")
    run: str | None = setting(None, "folder of the run; below runs/relations where None")
    export: str | None = setting("saved_models/relations", "folder of the exported versions")
    seed: int = setting(0, "seed of every random choice")
    devices: int = setting(1, "replicas: GPUs or, where there are none, logical CPU devices")
    resume: bool = setting(True, "go on with an interrupted run")
    limit: int | None = setting(None, "use only so many texts of each split")


def make_encoder(config, task, frozen):
    """A new encoder and its tokenizer; with `frozen`, only what is added to it learns."""
    encoder, tokenizer = joint_training.make_encoder(config, task)
    if not frozen:
        return encoder, tokenizer
    if config.adapter == "lora":
        encoder.enable_lora(max(config.adapter_dim // 8, 1))
        return encoder, tokenizer
    if config.adapter == "bottleneck":
        adapters = [layers.Adapter(config.adapter_dim) for _ in range(encoder.num_layers)]
        return text.AdaptedEncoder(encoder, adapters), tokenizer
    count = min(3, encoder.num_layers)
    adapters = [layers.TransformerAdapter(config.adapter_dim) for _ in range(count)]
    return text.KAdapterEncoder(encoder, adapters), tokenizer


def make_model(config, task, encoder, tokenizer, vectors):
    """A compiled model; the text-only twin where there are no vectors."""
    head = layers.ClassificationHead(len(task.texts.classes), dropout=0.1, name="head")
    starts = [tokenizer.start_id, *tokenizer.marker_ids[::2]]
    parts = {"pooling": layers.TokenPooling(starts, name="pooling")}
    if vectors is not None:
        entities, relations = vectors
        parts |= {
            "triples": layers.TripleEmbedding(
                layers.EntityEmbedding(*entities.shape, initial_matrix=entities, name="entities"),
                layers.RelationEmbedding(
                    *relations.shape, initial_matrix=relations, name="relations"
                ),
                name="triples",
            ),
            "fusion": joint_training.FUSIONS[config.fusion](name="fusion"),
            "fusion_after": config.fusion_after,
            "scorer": nominals.SCORERS[config.scorer](name="scorer"),
            "kg_weight": config.kg_weight,
        }
    model = models.RelationClassifier(encoder, head, tokenizer.marker_ids, **parts)
    new = ("fusion", "head", "adapter", "lora_kernel")
    count = len(task.texts.train)
    compared.compile_classifier(config, model, head.loss(), head.accuracy(), count, new)
    return model


def train(config, task, known, name, vectors, graph):
    """Trains one of the models, or goes on with it.

    Returns:
        The model with its best weights, its preprocessor and its history.
    """
    training.set_seed(config.seed)
    with training.make_strategy(config.devices).scope():
        encoder, tokenizer = make_encoder(config, task, frozen=name == "adapters")
        model = make_model(config, task, encoder, tokenizer, vectors)
    preprocessor = nominals.make_preprocessor(task, tokenizer, known)
    folder = pathlib.Path(config.run) / name
    run = training.TrainingRun(
        folder, nominals.settings(config), monitor="val_accuracy", resume=config.resume
    )
    first_epoch = run.restore(model)
    if not run.finished:
        learn, valid = task.texts.train, task.texts.valid
        model.fit(
            pipelines.joint_batches(
                pipelines.encode_texts(preprocessor, learn.texts),
                learn.labels,
                graph,
                batch_size=config.batch_size,
                first_epoch=first_epoch,
                seed=config.seed,
            ),
            initial_epoch=first_epoch,
            epochs=config.epochs,
            steps_per_epoch=pipelines.steps_per_epoch(len(learn), config.batch_size),
            validation_data=_batches(config, preprocessor, valid),
            callbacks=run.callbacks(),
            shuffle=False,
        )
    run.load_best(model)
    return model, preprocessor, run.history()


def _batches(config, preprocessor, texts):
    encoded = pipelines.encode_texts(preprocessor, texts.texts)
    return pipelines.text_batches(encoded, texts.labels, 4 * config.batch_size)


def measure(task, answers, text_only):
    """The figures of a model's answers, and their gain on those of the text-only model, if any."""
    labels = task.texts.test.labels
    f1 = functools.partial(evaluation.relation_f1, classes=task.texts.classes)
    figures = compared.measure("macro_f1", f1, labels, answers, text_only)
    return {**figures, "accuracy": float(np.mean(labels == answers))}


def publish(config, task, model, preprocessor, figures, console):
    """Exports the model, and says how to serve and ask it."""
    folder = kgkeras.export.export_model(
        model,
        config.export,
        preprocessor=preprocessor,
        graph=task.graph,
        classes=task.texts.classes,
        samples=task.texts.test.texts[:8],
        card={"data": config.data, "config": dataclasses.asdict(config), "metrics": figures},
    )
    console.print(f"Exported: {folder}\n\nServe it, and ask it from another shell:", soft_wrap=True)
    for line in kgkeras.export.usage(folder, task.texts.test.texts[0]):
        print(f"  {line}")


def complete(config):
    """Fills in what depends on the encoder."""
    small = config.encoder in joint_training.SMALL
    if "adapters" in config.models.split(",") and small:
        if config.encoder == "lstm" or config.adapter == "lora":
            raise ValueError(
                "The row `adapters` needs layers to put them between, and LoRA a pretrained "
                f"encoder. Received: --encoder {config.encoder} --adapter {config.adapter}."
            )
    defaults = SCRATCH if config.encoder in joint_training.SMALL else PRETRAINED
    missing = {name: value for name, value in defaults.items() if getattr(config, name) is None}
    if config.run is None:
        encoder = pathlib.Path(config.encoder).name
        missing["run"] = f"runs/relations/{config.data}-{encoder}-{config.adapter}-{config.seed}"
    return dataclasses.replace(config, **missing)


def main(config):
    """Runs the recipe; returns its headline figures."""
    config, console, start = complete(config), Console(), time.perf_counter()
    names = compared.checked_models(config, NAMES)
    task, known = nominals.load_task(config)
    console.print(f"{len(task.texts.train)} training texts; {task.graph}")
    graphs = {"true": task.graph, "shuffled": task.graph.shuffled(config.seed)}
    vectors, figures, histories, answers, exported = {}, {}, {}, {}, None
    for name in names:
        console.rule(NAMES[name])
        kind = None if name == "text_only" else "shuffled" if name == "control" else "true"
        if kind and kind not in vectors:
            vectors[kind] = nominals.learn_graph(config, graphs[kind], kind)
        learned = None if name in ("text_only", "knowledge") else graphs[kind]
        model, preprocessor, histories[name] = train(
            config, task, known, name, vectors.get(kind), learned
        )
        logits = model.predict(_batches(config, preprocessor, task.texts.test), verbose=0)
        answers[name] = np.argmax(logits, axis=-1)
        figures[name] = measure(task, answers[name], answers.get("text_only"))
        figures[name]["weights"] = int(sum(np.prod(w.shape) for w in model.trainable_weights))
        if name == "joint":
            exported = model, preprocessor
    training.write_json(pathlib.Path(config.run) / "config.json", vars(config))
    title = f"{config.data}, {config.adapter}, {config.fusion}, seed {config.seed}"
    compared.report(title, NAMES, figures, histories, config.run, console)
    if exported and config.export is not None:
        publish(config, task, *exported, figures, console)
    result = {"recipe": "relation_classification", **compared.headline(figures, "joint")}
    result |= {"seed": config.seed, "seconds": round(time.perf_counter() - start, 1)}
    training.write_json(pathlib.Path(config.run) / "metrics.json", result)
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
