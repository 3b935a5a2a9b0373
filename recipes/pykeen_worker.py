"""What PyKEEN does in a second, or how long it takes to a quality.

    python recipes/pykeen_worker.py --data FOLDER/FB15k-237
    python recipes/pykeen_worker.py --data FOLDER/FB15k-237 --until_mrr 0.3

Runs in the environment that `pykeen_rates.py` describes. All that is timed is PyKEEN's own: its
training loops, loaders, samplers, losses, optimizers and evaluators, on models without constraints
and (unless `--n3` asks for one) regularisers, which would only slow it down. A rate is 0 where no
batch size fits into `--memory`: PyKEEN's DistMult and TransE make a tensor of queries x entities x
dim for one-vs-all, its ComplEx a matrix product. The last line printed is one JSON object:

- `sampled`: triples a second of `SLCWATrainingLoop`, each against `negatives` false ones.
- `one_vs_all_queries`: queries a second of `LCWATrainingLoop` on the graph with inverse relations;
  a query `(head, relation)` is scored against all entities and learns all its tails at once.
- `one_vs_all`: that times the tails of the average query: triples a second, where a triple and its
  inverse count as two.
- `ranking`: test triples a second of `RankBasedEvaluator`, filtered, on both sides, without the
  fixed cost of a call; `ranking_loop` is `LCWAEvaluationLoop`, without building its index.
- `batch_sizes`: the fastest ones, which the rates are of.
- `cores`: processor seconds a second. Well below `threads`, others had the machine meanwhile.
- `seconds`, `mrr`, `history`: with `--until_mrr`; None where the MRR was not reached.
"""

import importlib.metadata
import json
import os
import pathlib
import random
import resource
import sys

import torch
from pykeen.evaluation import LCWAEvaluationLoop, RankBasedEvaluator
from pykeen.models import ERModel
from pykeen.training import LCWATrainingLoop, SLCWATrainingLoop
from pykeen.training.callbacks import TrainingCallback
from pykeen.triples import CoreTriplesFactory, LCWAInstances
from pykeen_rates import Config, parse_config
from stopwatch import Rate, Stopwatch, TimeUpError, Until, best

INTERACTIONS = {"complex": {}, "distmult": {}, "transe": {"p": 1}}


class AfterBatch(TrainingCallback):
    """Calls a function with the size of each batch, as soon as it is done."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def post_batch(self, epoch, batch, **kwargs):
        self.function(len(batch["pairs"] if "pairs" in batch else batch["positives"]))


def load(config):
    """The three parts as PyKEEN's factories, over the entities and relations of all three."""
    folder = config.data or pathlib.Path(os.environ["KGKERAS_DATA"], "FB15k-237")
    entities, relations, parts = {}, {}, []
    for part in ("train", "valid", "test"):
        lines = pathlib.Path(folder, f"{part}.txt").read_text(encoding="utf-8").splitlines()
        triples = [line.split("\t") for line in lines]
        for head, relation, tail in triples:
            entities.setdefault(head, len(entities))
            relations.setdefault(relation, len(relations))
            entities.setdefault(tail, len(entities))
        parts.append(
            torch.tensor([(entities[h], relations[r], entities[t]) for h, r, t in triples])
        )
    return [CoreTriplesFactory(part, len(entities), len(relations)) for part in parts]


def with_inverses(graph):
    """The same triples, and each of them from its tail's side."""
    return CoreTriplesFactory(
        graph.mapped_triples, graph.num_entities, graph.num_relations, create_inverse_triples=True
    )


def make_loop(config, graph, training):
    """A fresh model in one of PyKEEN's training loops."""
    complex_numbers = config.model == "complex"
    table = {
        "shape": config.dim // 2 if complex_numbers else config.dim,
        "dtype": torch.cfloat if complex_numbers else torch.float,
        "initializer": "normal",
        "initializer_kwargs": {"std": config.scale},
    }
    if config.n3:
        table |= {
            "regularizer": "powersum",
            "regularizer_kwargs": {"weight": config.n3, "p": 3.0},
        }
    model = ERModel(
        triples_factory=graph,
        interaction=config.model,
        interaction_kwargs=INTERACTIONS[config.model],
        entity_representations_kwargs=table,
        relation_representations_kwargs=table,
        loss=config.loss,
        random_seed=config.seed,
    )
    settings = {
        "model": model,
        "triples_factory": graph,
        "optimizer": config.optimizer,
        "optimizer_kwargs": {"lr": config.learning_rate},
    }
    if training == "one_vs_all":
        return LCWATrainingLoop(**settings)
    return SLCWATrainingLoop(
        negative_sampler="basic",
        negative_sampler_kwargs={"num_negs_per_pos": config.negatives},
        **settings,
    )


def train(loop, graph, batch_size, after_batch):
    """Trains until `after_batch`, called with the size of each batch, has had enough."""
    try:
        loop.train(
            graph,
            num_epochs=sys.maxsize - 1,
            batch_size=batch_size,
            use_tqdm=False,
            callbacks=AfterBatch(after_batch),
            pin_memory=False,
        )
    except TimeUpError:
        return


def fastest(batch_sizes, measure):
    """`best` of the batch sizes that fit into the memory."""

    def measure_if_it_fits(batch_size):
        try:
            return measure(batch_size)
        except RuntimeError as error:
            if "can't allocate memory" not in str(error):
                raise
            return 0.0, 0.0

    return best(batch_sizes, measure_if_it_fits)


def training_rate(config, graph, training):
    """Instances a second, the cores in use, and the batch size."""

    def measure(batch_size):
        rate = Rate(config.seconds)
        train(make_loop(config, graph, training), graph, batch_size, rate)
        return rate.rate, rate.cores

    return fastest(getattr(config, f"{training}_batches"), measure)


def ranking_rate(config, model, splits):
    """Triples that `RankBasedEvaluator` ranks a second, the cores in use, and the batch size."""
    known, test = [part.mapped_triples for part in splits[:2]], splits[2].mapped_triples
    evaluator = RankBasedEvaluator(metrics=["mrr"], add_defaults=False)

    def rank(triples, batch_size):
        watch = Stopwatch().start()
        evaluator.evaluate(
            model,
            triples,
            batch_size=batch_size,
            use_tqdm=False,
            additional_filter_triples=known,
        )
        return watch.stop()

    def measure(batch_size):
        rank(test[:batch_size], batch_size)  # warms up
        # The least of some: one that was held up would make the rate too good.
        fixed = min(rank(test[:1], batch_size).wall for _ in range(5))
        triples = test[: config.ranking_triples + 1]
        took = rank(triples, batch_size)
        return (len(triples) - 1) / (took.wall - fixed), took.cores

    return fastest(config.ranking_batches, measure)


def make_evaluation(model, part, splits, count):
    """A function that gives the filtered MRR of the same `count` triples of a part each time."""
    rows = random.Random(0).sample(range(part.num_triples), min(count, part.num_triples))
    loop = LCWAEvaluationLoop(
        triples_factory=part.clone_and_exchange_triples(part.mapped_triples[rows]),
        evaluator=RankBasedEvaluator(metrics=["mrr"], add_defaults=False),
        model=model,
        additional_filter_triples=splits,
    )

    def evaluate(batch_size=128):
        result = loop.evaluate(batch_size=batch_size, use_tqdm=False, pin_memory=False)
        model.train()
        return result.get_metric("both.realistic.inverse_harmonic_mean_rank")

    return evaluate


def ranking_loop_rate(config, model, splits):
    """Triples that `LCWAEvaluationLoop` ranks a second, the cores in use, and the batch size."""
    evaluate = make_evaluation(model, splits[2], splits, config.ranking_triples)
    evaluate()  # warms up

    def measure(batch_size):
        watch = Stopwatch().start()
        evaluate(batch_size)
        watch.stop()
        return min(config.ranking_triples, splits[2].num_triples) / watch.wall, watch.cores

    return fastest(config.ranking_batches, measure)


def measure_rates(config):
    """All the rates of one kind of model."""
    splits = load(config)
    both_ways = with_inverses(splits[0])
    model = make_loop(config, both_ways, "one_vs_all").model
    found = {
        "sampled": training_rate(config, splits[0], "sampled"),
        "one_vs_all_queries": training_rate(config, both_ways, "one_vs_all"),
        "ranking": ranking_rate(config, model, splits),
        "ranking_loop": ranking_loop_rate(config, model, splits),
    }
    queries = len(LCWAInstances.from_triples_factory(both_ways))
    answers = 2 * both_ways.num_triples / queries
    return {
        "one_vs_all": round(found["one_vs_all_queries"][0] * answers, 1),
        **{name: round(rate, 1) for name, (rate, _, _) in found.items()},
        "batch_sizes": {name: size for name, (_, _, size) in found.items()},
        "cores": {name: round(cores, 2) for name, (_, cores, _) in found.items()},
        "numbers_per_entity": sum(t.shape[1] for t in model.entity_representations.parameters()),
    }


def measure_until(config):
    """Seconds of training, looks at the MRR not counted."""
    splits = load(config)
    graph = with_inverses(splits[0]) if config.training == "one_vs_all" else splits[0]
    loop = make_loop(config, graph, config.training)
    evaluate = make_evaluation(loop.model, splits[1], splits, config.valid_triples)
    until = Until(evaluate, config.until_mrr, config.every, config.limit)
    train(loop, graph, config.batch_size, until)
    seconds, mrr = until.history[-1]
    return {
        "seconds": seconds if mrr >= config.until_mrr else None,
        "mrr": mrr,
        "history": until.history,
        "batch_size": config.batch_size,
        "cores": round(until.watch.cores, 2),
    }


def main(config):
    """Measures; prints and returns the result."""
    size = int(config.memory * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    torch.set_num_threads(config.threads)
    result = measure_rates(config) if config.until_mrr is None else measure_until(config)
    result |= {name: getattr(config, name) for name in ("model", "optimizer", "loss", "threads")}
    packages = ("pykeen", "torch", "numpy")
    result["versions"] = {name: importlib.metadata.version(name) for name in packages}
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(parse_config(Config, __doc__))
