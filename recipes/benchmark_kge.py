"""How fast embeddings train and rank: against the machine's own limit, and against PyKEEN.

Measures, in one process, triples a second of sampled training, of training against all entities and
of filtered ranking; what each costs when the graph grows to millions of entities; the rate of stock
Keras layers on the same steps; and the machine's own float32 matrix-product rate. Where PyKEEN is
installed (here or in the environment that `--pykeen_python` names), it takes its turn on the same
scorer, dimension, negatives and data.

    python recipes/benchmark_kge.py --quick
    python recipes/benchmark_kge.py --data FB15k-237 --pykeen_python PYKEEN_ENV/bin/python

2 quiet CPU cores, 4 minutes: 27 times PyKEEN's triples a second in sampled training, 3.6 times
against all entities, 24 times in ranking; .75 of the speed at 4.6 M entities; .83 of the machine's
matrix-product rate; 109 times stock Keras at 1 M entities, with 128 triples a batch.
"""

import dataclasses
import json
import os
import resource
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

# isort: split
import kgkeras  # before Keras: it sets TensorFlow's defaults

# isort: split
import keras
import numpy as np
import pykeen_rates
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from kgkeras import datasets, evaluation, kg, losses, models, optimizers, pipelines, training
from kgkeras.scorers import ComplEx
from kgkeras.training import setting

# Sizes of FB15k-237, for a random graph where the benchmark itself is not at hand.
SIZES = {"num_entities": 14_541, "num_relations": 237, "num_triples": 272_115}
NEGATIVES = 64
CHUNKS = 16
CALLS = dict(steps_per_execution=10)  # beside stock Keras
QUICK = dict(
    seconds=1.0,
    entities=500_000,
    stock_entities=100_000,
    stock_batch_sizes="128",
    wide_dim=256,
)


@dataclasses.dataclass(frozen=True)
class Config:
    """The benchmark's whole configuration."""

    data: str | None = setting(None, "a benchmark or a folder; a random graph where None")
    quick: bool = setting(False, "smaller tables, shorter measurements, no PyKEEN")
    dim: int = setting(200, "length of an entity's vector")
    batch_size: int = setting(4096, "triples a batch of sampled training")
    wide_dim: int = setting(512, "length of vectors where the matrix-product rate is compared")
    seconds: float = setting(10.0, "time of each measurement")
    entities: int = setting(4_600_000, "entities of the large graph")
    stock_entities: int = setting(1_000_000, "entities where stock Keras takes its turn")
    stock_batch_sizes: str = setting("128,512,4096", "triples a batch there; the first counts")
    pykeen_data: str | None = setting(
        None, "folder of train, valid and test.txt; FB15k-237 in $KGKERAS_DATA where None"
    )
    pykeen_python: str = setting(sys.executable, "interpreter of PyKEEN's environment")
    seed: int = setting(0, "seed of every random choice")


def random_graph(num_entities, num_relations, num_triples, seed):
    """A graph of random facts; names are numbers."""
    rng = np.random.default_rng(seed)
    sizes = (num_entities, num_relations, num_entities)
    triples = np.stack([rng.integers(size, size=num_triples) for size in sizes], axis=1)
    names = [str(i) for i in range(num_entities)]
    return kg.KnowledgeGraph(names, names[:num_relations], triples.astype("int32"))


def load_splits(config):
    """The benchmark's splits, or random ones of the same size."""
    if config.data is not None:
        return datasets.load(config.data)
    facts = random_graph(**SIZES, seed=config.seed)
    test = facts.with_triples(facts.triples[:20_466])
    return kg.Splits(facts, test, test)


def make_model(graph, dim, **options):
    """ComplEx under row-sparse Adagrad, without a vocabulary: names cost memory."""
    model = models.LinkPredictor.from_graph(
        graph, ComplEx(), dim, vocabulary=None, initializer="random_uniform"
    )
    model.compile(optimizers.SparseAdagrad(0.1), losses.CrossEntropyLoss(), **options)
    return model


def rate(step, rows, seconds):
    """Rows a second of a step: see `rates_in_turn`."""
    return rates_in_turn([step], rows, seconds)[0]


def rates_in_turn(steps, rows, seconds):
    """Rows a second of steps that alternate, so that what else the machine does meets them alike.

    Medians; the first two calls of each (tracing, warm-up) are left out.
    """
    times, end = [], None
    while end is None or time.perf_counter() < end or len(times) < 5:
        marks = [time.perf_counter()]
        for step in steps:
            step()
            marks.append(time.perf_counter())
        times.append(np.diff(marks))
        end = end if len(times) < 2 else end or time.perf_counter() + seconds
    return (rows / np.median(times[2:], axis=0)).tolist()


def training_step(model, batches):
    """A function that takes a stock training step, the input pipeline included."""
    iterator = iter(batches)
    model.make_train_function()
    # Reading the loss waits for the step to end.
    return lambda: float(model.train_function(iterator)["loss"])


def sampled(config, graph):
    """Training batches whose chunks share their negatives."""
    return pipelines.sampled_batches(
        graph.with_inverses(),
        batch_size=config.batch_size,
        num_negatives=NEGATIVES,
        chunk_size=config.batch_size // CHUNKS,
        seed=config.seed,
    )


def sampled_step(config, graph):
    """A step of sampled training."""
    return training_step(make_model(graph, config.dim), sampled(config, graph))


def one_vs_all_rates(config, graph):
    """Triples a second against all entities, by query; and GFLOP/s of plain triples, wide."""
    told = graph.with_inverses()
    steps = pipelines.query_steps(told, 512, 16)
    batches = pipelines.query_batches(told, batch_size=512, max_answers=16, seed=config.seed)
    model = make_model(graph, config.dim)
    by_query = rate(training_step(model, batches), told.num_triples / steps, config.seconds)
    model = make_model(graph, config.wide_dim)
    batches = pipelines.one_vs_all_batches(told, batch_size=1024, seed=config.seed)
    triples = rate(training_step(model, batches), 1024, config.seconds)
    # One product forward, two backward; each multiplies and adds.
    return by_query, 6e-9 * triples * graph.num_entities * config.wide_dim


def matmul_rate(seconds):
    """GFLOP/s of TensorFlow's own float32 product of two 4096 x 4096 matrices."""
    matrix = tf.random.normal([4096, 4096])
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(matrix, matrix)[0]))
    return 2e-9 * rate(lambda: float(product()), 4096**3, seconds)


def ranking_rate(config, splits):
    """Filtered test triples a second, ranked from both sides."""
    ranker = evaluation.Ranker(make_model(splits.train, config.dim))
    known = evaluation.TrueTriples(splits)
    return rate(lambda: ranker.rank(splits.test, known), splits.test.num_triples, config.seconds)


def stock_model(config, graph):
    """The same steps by `keras.layers.Embedding` and Keras' own Adagrad: see `training_step`."""
    shapes = {"head": (), "relation": (), "tail": (), "negatives": (NEGATIVES,)}
    inputs = {name: keras.Input(shape, dtype="int32", name=name) for name, shape in shapes.items()}
    entities = keras.layers.Embedding(graph.num_entities, config.dim)
    relations = keras.layers.Embedding(2 * graph.num_relations, config.dim)
    chunks = (CHUNKS, -1, config.dim)
    head, tail = (keras.ops.reshape(entities(inputs[name]), chunks) for name in ("head", "tail"))
    relation = keras.ops.reshape(relations(inputs["relation"]), chunks)
    scorer = ComplEx()
    positive = keras.ops.expand_dims(scorer(head, relation, tail), -1)
    negatives = scorer.score_tails(head, relation, entities(inputs["negatives"]))
    model = keras.Model(inputs, keras.ops.concatenate([positive, negatives], axis=-1))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adagrad(0.1), loss, jit_compile=False, **CALLS)
    return model


def stock_ratios(config):
    """How much slower stock Keras is on the same steps, by the triples of a batch.

    Its step writes whole tables whatever the batch; ours grows with the batch. Each call of a
    training function takes ten steps: what one leaves in the caches helps the next.
    """
    graph = random_graph(config.stock_entities, 237, 300_000, config.seed)
    ours, stock = make_model(graph, config.dim, **CALLS), stock_model(config, graph)
    ratios = {}
    for size in map(int, config.stock_batch_sizes.split(",")):
        batches = sampled(dataclasses.replace(config, batch_size=size), graph)
        first = tf.zeros([CHUNKS, size // CHUNKS], tf.int32)
        step = training_step(ours, batches)
        other = training_step(stock, batches.map(lambda x, first=first: (x, first)))
        our_rate, stock_rate = rates_in_turn([step, other], size, config.seconds)
        ratios[size] = our_rate / stock_rate
    return ratios


def flat_ratio(config, small):
    """The speed of sampled training on a large graph, over that on a small one."""
    large = random_graph(config.entities, 237, 300_000, config.seed)
    steps = [sampled_step(config, graph) for graph in (small, large)]
    few, many = rates_in_turn(steps, config.batch_size, 2 * config.seconds)
    return many / few


def pykeen(config):
    """PyKEEN's rates, or None where it is not installed."""
    if config.quick or pykeen_rates.is_missing(config.pykeen_python):
        return None
    settings = pykeen_rates.Config(
        data=config.pykeen_data, dim=config.dim, seconds=config.seconds, negatives=NEGATIVES
    )
    return pykeen_rates.pykeen_rates(settings, config.pykeen_python)


def main(config):
    """Runs every measurement; returns the ratios."""
    if config.quick:
        config = dataclasses.replace(config, **QUICK)
    training.set_seed(config.seed)
    splits = load_splits(config)
    rates = {"matmul": matmul_rate(config.seconds)}
    step = sampled_step(config, splits.train)
    rates["sampled"] = rate(step, config.batch_size, config.seconds)
    rates["one_vs_all"], gflops = one_vs_all_rates(config, splits.train)
    rates["ranking"] = ranking_rate(config, splits)
    flat = flat_ratio(config, splits.train)
    keras.backend.clear_session()
    stock = stock_ratios(config)
    theirs = pykeen(config)
    table = Table(title=f"Triples a second, ComplEx, dim {config.dim}, {kgkeras.__version__}")
    for column in ("what", "kgkeras", "PyKEEN", "ratio"):
        table.add_column(column)
    ratios = {}
    for name in ("sampled", "one_vs_all", "ranking"):
        ratios[f"{name}_ratio"] = theirs and round(rates[name] / theirs[name], 2)
        cells = (f"{theirs[name]:,.0f}", str(ratios[f"{name}_ratio"])) if theirs else ("", "")
        table.add_row(name, f"{rates[name]:,.0f}", *cells)
    console = Console()
    console.print(table)
    console.print(f"float32 matrix product: {rates['matmul']:.0f} GFLOP/s; 1vsAll: {gflops:.0f}")
    for size, ratio in stock.items():
        console.print(f"{size} triples a batch: {ratio:.0f} times as fast as stock Keras")
    result = {
        "recipe": "benchmark_kge",
        **ratios,
        "flat_ratio": round(flat, 3),
        "stock_ratio": round(next(iter(stock.values())), 1),
        "matmul_fraction": round(gflops / rates["matmul"], 3),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
