"""Questions about a graph that misses half of its facts: walking, embedding, and both together.

Keeps a random half of MetaQA's facts and answers its questions by one model for one, two and three
hops. A walk along told facts alone fails where the fact it needs is missing. But what the dev
questions were answered with also tells of facts: those that would explain answers which the walk
did not reach (`kg.explanations`). The joint model walks along these too, as far as vectors of
entities and relations, which learn the told facts at the same time, hold them plausible:
`L = L_QA + weight * L_KG`. So it does along the tails that embeddings of the told facts hold
likeliest where none is told (`evaluation.likely_facts`). Beside it stand the walk alone and
embeddings alone (EmbedKGQA: ComplEx on the told facts, the question in the relation's place).

    python recipes/half_graph_questions.py

One busy core of 2, seed 0, Hits@1 of one, two and three hops: the walk .671 .519 .582, embeddings
.602 .351 .403, both jointly .747 .714 .720; 51 minutes with `--no-embedding`.
"""

import dataclasses
import functools
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

# isort: split
import kgkeras  # noqa: F401  (before Keras: it sets TensorFlow's defaults)

# isort: split
import numpy as np
import question_answering
import question_baselines
from rich.console import Console
from rich.table import Table

from kgkeras import evaluation, graph, kg, layers, scorers, training
from kgkeras.training import setting


@dataclasses.dataclass(frozen=True)
class Config:
    """The recipe's whole configuration."""

    data: str = setting("MetaQA", "the graph and its questions", ("MetaQA",))
    hops: str = setting("all", "facts that an answer takes", ("1", "2", "3", "all"))
    facts: float = setting(0.5, "share of the graph's facts that is kept, drawn at random")
    dim: int = setting(128, "length of the encoder's vectors")
    entity_dim: int = setting(64, "length of the vectors of entities")
    least_votes: float = setting(0.2, "facts with fewer votes are not supposed")
    least_share: float | None = setting(0.1, "least share of embeddings' likeliest tails")
    limit_weight: float = setting(0.5, "weight of the most plausible supposed fact; told ones: 1")
    kg_weight: float = setting(1.0, "weight of the loss of the graph's facts")
    epochs: int = setting(3, "epochs to train each model")
    batch_size: int = setting(64, "questions a batch")
    learning_rate: float = setting(2e-3, "learning rate of Adam")
    embedding: bool = setting(True, "also train embeddings alone")
    fact_epochs: int = setting(20, "epochs in which those learn the facts, before questions")
    run: str | None = setting(None, "folder of the run; below runs/half_graph where None")
    seed: int = setting(0, "seed of every random choice")
    devices: int = setting(1, "replicas: GPUs or, where there are none, logical CPU devices")
    resume: bool = setting(True, "go on with an interrupted run")
    limit: int | None = setting(None, "use only so many questions of each split and hops")


def suppose(config, known, walker, predictor, learn):
    """The facts that would explain the learned questions' answers, or are likely; their votes."""
    batches = question_answering.batches(config, learn)
    outputs = walker.predict(batches, verbose=0)
    paths = outputs["relation_weights"].argmax(-1)
    length = outputs["hop_weights"].argmax(-1)
    paths = np.where(np.arange(paths.shape[1]) <= length[:, None], paths, -1)
    facts, votes = kg.explanations(known, learn.topics, paths, learn.answers)
    kept = votes >= config.least_votes
    facts, votes = facts[kept], votes[kept]
    voted = np.ones(len(facts), "bool")
    if config.least_share is not None:
        likely, shares = evaluation.likely_facts(
            predictor, known, config.least_share, answered=False, most=1
        )
        facts, votes = np.concatenate([facts, likely]), np.concatenate([votes, shares])
        facts, which = np.unique(facts, axis=0, return_inverse=True)
        votes = np.bincount(which.ravel(), votes)
        voted = np.isin(np.arange(len(facts)), which.ravel()[: len(voted)])
    # What is likely often ends at the same few entities: walks back from them would find thousands.
    return known.with_triples(facts), votes, ~voted


def make_joint(config, known, tokenizer, supposed, votes, one_way):
    """A compiled model that walks along told and supposed facts."""
    triples = layers.TripleEmbedding.from_sizes(
        known.num_entities, known.num_relations, config.entity_dim
    )
    supposed = graph.SupposedFacts.from_graph(
        supposed,
        triples,
        scorers.DistMult(),
        votes,
        one_way=one_way,
        limit=config.limit_weight,
        name="supposed",
    )
    return question_answering.make_model(config, known, tokenizer, supposed, config.kg_weight)


def main(config):
    """Runs the recipe; returns its headline figures."""
    name = f"{config.data}-{config.hops}-{config.facts:g}-{config.seed}"
    run = pathlib.Path(config.run or f"runs/half_graph/{name}")
    console, start = Console(), time.perf_counter()
    known = question_answering.load_graph(config)
    preprocessor, learn, valid, test = question_answering.prepare(config, known)
    console.print(f"{known}; {len(learn.topics)} questions to learn from")
    figures = {}

    def train(kind, model_of, told=None):
        part = dataclasses.replace(config, run=str(run / kind))
        model, _ = question_answering.train(part, model_of, learn, valid, told)
        figures[kind] = question_answering.measure(part, known, model, test)
        console.print(kind, figures[kind])
        return model

    make_model = functools.partial(question_answering.make_model, config)
    walker = train("walk", functools.partial(make_model, known, preprocessor.tokenizer))
    predictor = None
    if config.embedding or config.least_share is not None:
        predictor = question_baselines.fact_predictor(config, known)
    supposed, *spoken = suppose(config, known, walker, predictor, learn)
    console.print(f"{supposed.num_triples} facts are supposed")
    joint = functools.partial(make_joint, config, known, preprocessor.tokenizer, supposed, *spoken)
    train("joint", joint, known)
    if config.embedding:
        figures["embedding"] = question_baselines.embedding_hits(
            config, predictor, preprocessor.tokenizer, learn, test
        )
    show(config, figures, console)
    result = {"recipe": "half_graph_questions", "hops": config.hops, "facts": config.facts}
    for kind, row in figures.items():
        result |= {f"{kind}_{key}": round(value, 4) for key, value in row.items() if "hits" in key}
    result |= {"supposed": supposed.num_triples, "seed": config.seed}
    result |= {"seconds": round(time.perf_counter() - start, 1)}
    training.write_json(run / "metrics.json", result)
    print(json.dumps(result))
    return result


def show(config, figures, console):
    """Prints Hits@1 of each model, by hops."""
    table = Table(title=f"{config.data}, {config.facts:g} of the facts, seed {config.seed}")
    table.add_column("model")
    names = [name for name in figures["walk"] if name.startswith("hits@1")]
    for name in names:
        table.add_column(name)
    for kind, row in figures.items():
        table.add_row(kind, *(f"{row[name]:.4f}" for name in names))
    console.print(table)


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
