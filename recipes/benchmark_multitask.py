"""What sharing costs: a step of all tasks on one trunk, beside the dearest task alone.

Times, in turn, a step of the trunk alone, of each task of `multitask.py` alone, and of all of them
by hard sharing, on batches of the same size for each task. What a task takes beyond the trunk is
its head; all tasks together should take no more than the dearest one alone and the heads of the
others, as the trunk reads all texts in one pass. A step of all tasks reads the texts of three; so
the dearest task is timed on as many texts as well.

    python recipes/benchmark_multitask.py --limit 500

2 CPU cores, quiet, 2026-11-29: together 49 ms a step, the dearest task 22 ms, with the heads of the
others 44 ms, which together is not reached; the dearest on as many texts, with those heads, 55 ms;
one by one 77 ms. Peak 1.96 GB.
"""

import dataclasses
import json
import os
import resource
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

# isort: split
import kgkeras  # noqa: F401  (before Keras: it sets TensorFlow's defaults)

# isort: split
import keras
import multitask
import multitask_data
from keras import ops
from multitask_models import READING, SHARINGS, TASKS, WEIGHINGS, Maker
from rich.console import Console
from rich.table import Table

from kgkeras import layers, pipelines, training
from kgkeras.training import setting

TOGETHER, TRUNK = "all together", "trunk alone"
MORE = ", as many texts as all"


@dataclasses.dataclass(frozen=True)
class Config:
    """The whole configuration."""

    sharing: str = setting("hard", "way of sharing", SHARINGS)
    weighing: str = setting("fixed", "way of weighing", WEIGHINGS)
    steps: int = setting(30, "steps each time")
    rounds: int = setting(5, "times that each model is asked")
    limit: int | None = setting(2000, "use only so many texts of each kind")


class Nothing(layers.TaskHead):
    """The mean of the words: next to no head."""

    def call(self, inputs, words=None):
        return ops.mean(words, axis=1)


def mean_of(_, y_pred):
    """A loss that reaches all of the trunk."""
    return ops.mean(ops.square(y_pred), axis=-1)


class BatchTimes(keras.callbacks.Callback):
    """Milliseconds of each step, the first ones of each `fit` left out."""

    skipped = 3

    def __init__(self):
        super().__init__()
        self.times = []

    def on_train_batch_begin(self, batch, logs=None):
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if batch >= self.skipped:
            self.times.append(1000 * (time.perf_counter() - self._start))


class Timed:
    """Trains a model on endless batches; times its steps."""

    def __init__(self, model, streams):
        self.model, self.batches = model, pipelines.mixed_batches(streams)
        self.watch = BatchTimes()

    def run(self, steps):
        """Trains for some steps."""
        self.model.fit(
            self.batches,
            steps_per_epoch=steps + self.watch.skipped,
            callbacks=[self.watch],
            verbose=0,
            shuffle=False,
        )

    @property
    def median(self):
        """Milliseconds of a step."""
        return statistics.median(self.watch.times)


def trunk_alone(maker, tasks):
    """A model of the trunk and next to nothing."""
    model = maker.model(tasks[:1])
    heads = {task: Nothing(name=f"{task}_nothing") for task in tasks}
    alone = type(model)(model.sharing, heads)
    alone.compile("adam", loss=dict.fromkeys(tasks, mean_of), jit_compile=False)
    return alone


def make_models(config, recipe, data):
    """What is timed, by name."""

    def streams(texts):
        sizes = multitask.graph_batches(recipe)
        return multitask_data.Streams(data, texts, sizes, 1.0, 0)

    few, many = streams(recipe.batch_size), streams(len(READING) * recipe.batch_size)
    maker = Maker(recipe, few)
    models = {task: Timed(maker.model([task]), {task: few.train(task)}) for task in TASKS}
    for task in READING:
        models[task + MORE] = Timed(Maker(recipe, many).model([task]), {task: many.train(task)})
    reading = {"questions": few.train("questions")}
    models[TRUNK] = Timed(trunk_alone(maker, ["questions"]), reading)
    together = maker.model(TASKS, config.sharing, config.weighing)
    models[TOGETHER] = Timed(together, {task: few.train(task) for task in TASKS})
    return models


def main(config):
    """Runs the benchmark; prints and returns its figures."""
    start = time.perf_counter()
    recipe = multitask.Config()
    data = multitask_data.load("geography", 0, config.limit)
    tasks = TASKS
    training.set_seed(0)
    models = make_models(config, recipe, data)
    for _ in range(config.rounds):
        for timed in models.values():
            timed.run(config.steps)
    times = {name: timed.median for name, timed in models.items()}
    heads = {task: times[task] - times[TRUNK] * (task in READING) for task in tasks}
    dearest = max(tasks, key=times.get)
    others = sum(cost for task, cost in heads.items() if task != dearest)
    dearest_more = max(times[task + MORE] for task in READING)
    table = Table(title=f"{config.sharing} sharing, {config.weighing} weights")
    for column in ("model", "ms a step", "of it the head"):
        table.add_column(column)
    for name, cost in times.items():
        table.add_row(name, f"{cost:.1f}", f"{heads[name]:.1f}" if name in heads else "")
    Console().print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    result = {
        "recipe": "benchmark_multitask",
        "together_ms": round(times[TOGETHER], 1),
        "dearest_ms": round(times[dearest], 1),
        "bound_ms": round(times[dearest] + others, 1),
        "bound_equal_texts_ms": round(dearest_more + others, 1),
        "sum_ms": round(sum(times[task] for task in tasks), 1),
        "peak_mb": round(peak),
        "seconds": round(time.perf_counter() - start, 1),
    }
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
