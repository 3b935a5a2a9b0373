"""Pretrains a small BERT from scratch on a corpus and a knowledge graph together.

The corpus tells most facts of the graph in words (by templates; for FB15k-237 beside the entities'
descriptions), but not all. Afterwards the models fill gaps: "Lyon is a city in [MASK]." Asked are

- `cloze`, the headline: facts that no text tells, but a triple of the graph does. Can the language
  model say what only the graph knows?
- `new`: facts of the graph's test split, which neither tells: what can be guessed from the rest.

Facts whose answer a name or a description gives away are not asked; right answers other than the
asked one do not compete; the candidates are all entities that the relation ever leads to.

Trains, from the same seed, for the same steps on the same sentences with the same gaps: text alone;
the control, whose graph has its entities shuffled; and the joint model, in which the vectors of
entities enter the words that name them (`--entities table`), or in which the encoder itself reads
descriptions of the entities of triples (`--entities described`, KEPLER). Reports precision@1 and
the mean reciprocal rank of the right answers, and the perplexity of hidden words of held-out
sentences.

    python recipes/pretraining.py
    python recipes/pretraining.py --entities described
    python recipes/pretraining.py --data FB15k-237

The first, seeds 0, 1, 2, 20 to 31 minutes for three models on one busy CPU core of two: cloze
precision@1 .366 .422 .471 (text alone .096 .116 .111, control .093 .118 .130), perplexity 5.2, 3.9
and 4.5 (12.8, 12.5, 11.8; control 6.9, 5.3, 6.4).
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
import masked_corpus
import told_facts
from rich.console import Console
from rich.table import Table

from kgkeras import evaluation, layers, models, scorers, text, training
from kgkeras.training import setting

FUSIONS = {
    "sum": layers.SumFusion,
    "gated": layers.GatedFusion,
    "attention": layers.AttentionFusion,
}
SCORERS = {"distmult": scorers.DistMult, "complex": scorers.ComplEx, "transe": scorers.TransE}
NAMES = {"text_only": "text only", "control": "shuffled knowledge", "joint": "joint"}
# What depends on the data.
DEFAULTS = {
    "geography": dict(length=32, pieces=4000, phrasings=2, dim=64, layers=2, epochs=40),
    "FB15k-237": dict(length=48, pieces=8000, phrasings=1, dim=128, layers=3, epochs=8),
}
# What may differ between a run and its resumption.
ELSEWHERE = ("run", "export", "resume", "models")


@dataclasses.dataclass(frozen=True)
class Config:
    """The recipe's whole configuration; what is None depends on the data, see above."""

    data: str = setting("geography", "graph and corpus", tuple(DEFAULTS))
    entities: str = setting("table", "where vectors come from", ("table", "described"))
    fusion: str = setting("sum", "how a table's vectors reach the words", tuple(FUSIONS))
    fusion_after: int = setting(0, "layers of the encoder before that")
    scorer: str = setting("distmult", "what judges triples", tuple(SCORERS))
    dim: int | None = setting(None, "length of the vectors of words and entities")
    layers: int | None = setting(None, "layers of the encoder")
    heads: int = setting(4, "heads of its attention")
    dropout: float = setting(0.1, "dropout of the encoder")
    pieces: int | None = setting(None, "word pieces to learn")
    length: int | None = setting(None, "most pieces of a text")
    told: float = setting(0.8, "share of the graph's facts that the corpus tells")
    phrasings: int | None = setting(None, "sentences a told fact")
    tell_entities: bool = setting(True, "whether hidden mentions are told by entities' vectors")
    rate: float = setting(0.15, "part of the words to hide")
    entity_rate: float = setting(0.4, "part of the mentions to hide")
    kg_weight: float = setting(30.0, "weight of the graph's loss beside the texts'")
    kg_schedule: str = setting("constant", "its course", ("constant", "rise", "fall"))
    triples_per_text: int = setting(8, "triples beside each text")
    negatives: int = setting(32, "random entities beside each text")
    epochs: int | None = setting(None, "epochs to train")
    batch_size: int = setting(64, "texts a batch")
    learning_rate: float = setting(2e-3, "learning rate at its peak")
    table_rate: float = setting(5.0, "times that, for the tables of entities and relations")
    models: str = setting(",".join(NAMES), "which models to train")
    run: str | None = setting(None, "folder of the run; below runs/pretraining where None")
    export: str | None = setting("saved_models/pretraining", "folder of the exported versions")
    seed: int = setting(0, "seed of every random choice")
    devices: int = setting(1, "replicas: GPUs or, where there are none, logical CPU devices")
    resume: bool = setting(True, "go on with an interrupted run")
    limit: int | None = setting(None, "use only so many sentences")


def make_model(config, data, graph):
    """A compiled model; the text-only twin where there is no graph."""
    encoder = text.TransformerEncoder(
        data.tokenizer.vocabulary_size,
        config.dim,
        config.layers,
        config.heads,
        2 * config.length,  # a question may be longer than any text
        config.dropout,
    )
    scorer, parts = SCORERS[config.scorer](name="scorer"), {}
    if graph is not None:
        relation_dim = scorer.relation_dim(config.dim)
        if config.entities == "table":
            sizes = graph.num_entities, graph.num_relations
            parts = {
                "triples": layers.TripleEmbedding.from_sizes(*sizes, config.dim, relation_dim),
                "fusion": FUSIONS[config.fusion](name="fusion"),
                "fusion_after": config.fusion_after,
                "entity_candidates": "all" if config.tell_entities else None,
            }
        else:
            relations = layers.RelationEmbedding(
                graph.num_relations, relation_dim, name="relations"
            )
            parts = {"triples": layers.DescribedTriples(relations, config.dim, name="triples")}
        # A distance is never positive: without a margin no triple could be plausible.
        margin = 6.0 if config.scorer == "transe" else 0.0
        parts["kg_loss"] = kgkeras.losses.NegativeSamplingLoss(margin)
        parts["kg_weight"] = kg_weight(config, config.epochs * data.steps)
    model = models.KnowledgeMaskedLM(encoder, scorer=scorer, **parts)
    steps = config.epochs * data.steps
    warmup = max(steps // 20, 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - warmup, 1), warmup_target=config.learning_rate, warmup_steps=warmup
    )
    optimizer = kgkeras.optimizers.MultiRateAdam(
        schedule, {"table": config.table_rate}, clipnorm=1.0
    )
    model.compile(optimizer)
    return model


def kg_weight(config, steps):
    """The weight of the graph's loss, or its course over the steps, between it and a tenth."""
    if config.kg_schedule == "constant":
        return config.kg_weight
    ends = (0.1 * config.kg_weight, config.kg_weight)
    first, last = ends if config.kg_schedule == "rise" else ends[::-1]
    return keras.optimizers.schedules.PolynomialDecay(first, steps, last)


def train(config, data, name):
    """Trains one of the models, or goes on with it; returns it at its best, and its history."""
    training.set_seed(config.seed)
    graph = data.corpus.graph
    graph = {"text_only": None, "control": graph.shuffled(config.seed)}.get(name, graph)
    with training.make_strategy(config.devices).scope():
        model = make_model(config, data, graph)
    settings = {key: value for key, value in vars(config).items() if key not in ELSEWHERE}
    folder = pathlib.Path(config.run) / name
    run = training.TrainingRun(
        folder, settings, monitor="val_perplexity", mode="min", resume=config.resume
    )
    first_epoch = run.restore(model)
    if not run.finished:
        model.fit(
            data.batches(graph, first_epoch),
            initial_epoch=first_epoch,
            epochs=config.epochs,
            steps_per_epoch=data.steps,
            validation_data=data.held_out_batches(),
            callbacks=[masked_corpus.Asked(data), *run.callbacks()],
            shuffle=False,
        )
    run.load_best(model)
    return model, run.history()


def measure(data, model):
    """What a model knows of each side's facts, and its perplexity on held-out sentences."""
    found = model.evaluate(data.held_out_batches(), verbose=0, return_dict=True)
    figures = {"perplexity": found["perplexity"]}
    for side, prefix in (("test", "cloze"), ("new_test", "new")):
        asked = data.ask(model, side).figures()
        figures |= {f"{prefix}_precision@1": asked["precision@1"], f"{prefix}_mrr": asked["mrr"]}
    return figures


def report(config, figures, histories, console):
    """Prints the table of all models, and draws their learning curves."""
    table = Table(title=f"{config.data}, entities: {config.entities}, seed {config.seed}")
    columns = next(iter(figures.values()))
    for column in ("model", *columns):
        table.add_column(column)
    for name, row in figures.items():
        table.add_row(NAMES[name], *(f"{row[column]:.4g}" for column in columns))
    console.print(table)
    named = {NAMES[name]: history for name, history in histories.items()}
    curves = ("perplexity", "val_perplexity", "val_cloze_precision@1")
    plot = pathlib.Path(config.run) / "learning_curves.png"
    console.print("Plot:", evaluation.plot_histories(named, curves, plot))


def publish(config, data, model, figures, console):
    """Exports the model, and says how to serve and ask it."""
    corpus = data.corpus
    head, relation, _ = corpus.asked["test"][0].tolist()
    sentence = corpus.questions[relation].replace("[X]", corpus.graph.entity_name(head))
    sentence = sentence.replace("[Y]", "[MASK]")
    folder = kgkeras.export.export_masked_lm(
        model,
        data.preprocessor,
        corpus.graph,
        config.export,
        samples=[sentence],
        card={"data": config.data, "config": dataclasses.asdict(config), "metrics": figures},
    )
    console.print(f"Exported: {folder}\n\nServe it, and ask it from another shell:", soft_wrap=True)
    for line in kgkeras.export.usage(folder, sentence):
        print(f"  {line}")


def complete(config):
    """Fills in what depends on the data."""
    defaults = DEFAULTS[config.data]
    missing = {name: value for name, value in defaults.items() if getattr(config, name) is None}
    if config.run is None:
        missing["run"] = f"runs/pretraining/{config.data}-{config.entities}-{config.seed}"
    return dataclasses.replace(config, **missing)


def main(config):
    """Runs the recipe; returns its headline figures."""
    config, console, start = complete(config), Console(), time.perf_counter()
    names = config.models.split(",")
    if unknown := set(names) - set(NAMES):
        raise ValueError(f"`models` must be among {', '.join(NAMES)}. Received: {sorted(unknown)}.")
    corpus = told_facts.load_corpus(
        config.data,
        told=config.told,
        phrasings=config.phrasings,
        seed=config.seed,
        limit=config.limit,
    )
    sizes = ", ".join(f"{len(facts)} {side}" for side, facts in corpus.asked.items())
    console.print(f"{len(corpus.texts)} sentences; {corpus.graph}; asked: {sizes}")
    data = masked_corpus.MaskedCorpus(config, corpus)
    figures, histories, sizes, joint = {}, {}, {}, None
    for name in names:
        console.rule(NAMES[name])
        model, histories[name] = train(config, data, name)
        figures[name], sizes[name] = measure(data, model), model.count_params()
        if name == "joint":
            joint = model
    training.write_json(pathlib.Path(config.run) / "config.json", vars(config))
    report(config, figures, histories, console)
    if joint and config.export is not None:
        publish(config, data, joint, figures, console)
    headline = {
        ("" if name == "joint" else name + "_") + figure: round(value, 4)
        for name, row in figures.items()
        for figure, value in row.items()
    }
    seconds = round(time.perf_counter() - start, 1)
    result = {"recipe": "pretraining", **headline, "parameters": max(sizes.values())}
    result |= {"seed": config.seed, "seconds": seconds}
    training.write_json(pathlib.Path(config.run) / "metrics.json", result)
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
