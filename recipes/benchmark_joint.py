"""What fusing knowledge costs: the step time of the fused model over that of its text-only twin.

Both models share encoder, texts and batch size; the fused one also learns the graph's triples.
Steps of the two alternate in short blocks, so that whatever else the machine does meets both, and
the figure is the ratio of the median step times. The batches come from the real input pipelines.

    python recipes/benchmark_joint.py --encoder FOLDER_OF_MINILM
"""

import dataclasses
import json
import resource
import statistics
import time

import joint_training
from rich.console import Console
from rich.table import Table

from kgkeras import pipelines, training
from kgkeras.training import setting


@dataclasses.dataclass(frozen=True)
class Config:
    """The benchmark's whole configuration."""

    data: str = setting("geography", "what to learn", ("geography", "semeval"))
    encoder: str = setting("lstm", "lstm, transformer, a keras-hub preset, or a model's folder")
    fusion: str = setting("gated", "how knowledge reaches the words")
    dtype: str = setting("float32", "precision of a pretrained encoder", ("float32", "bfloat16"))
    batch_size: int = setting(32, "texts a batch")
    steps: int = setting(60, "steps of each model that count")
    block: int = setting(5, "steps of one model before the other's turn")
    limit: int | None = setting(2000, "use only so many texts")
    seed: int = setting(0, "seed of every random choice")


def make_step(config, task, graph):
    """A function that trains one model for one step."""
    training.set_seed(config.seed)
    encoder, tokenizer = joint_training.make_encoder(config, task)
    model = joint_training.make_model(config, task, encoder, tokenizer, graph)
    preprocessor = joint_training.make_preprocessor(task, tokenizer)
    learn = task.texts.train
    encoded = pipelines.encode_texts(preprocessor, learn.texts)
    batches = iter(
        pipelines.joint_batches(
            encoded, learn.labels, graph, batch_size=config.batch_size, seed=config.seed
        )
    )
    model.make_train_function()
    # Reading the loss waits for the step to end, also where it runs on another device.
    return lambda: float(model.train_function(batches)["loss"])


def main(config):
    """Measures both models; returns the ratio."""
    settings = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    settings = {name: settings[name] for name in settings if name not in ("steps", "block")}
    recipe = joint_training.complete(joint_training.Config(**settings))
    task = joint_training.load_task(recipe)
    steps = {
        "text only": make_step(recipe, task, None),
        "fused": make_step(recipe, task, task.graph),
    }
    seconds = {name: [] for name in steps}
    for turn in range(-1, config.steps // config.block):
        for name, step in steps.items():
            for _ in range(config.block):
                start = time.perf_counter()
                step()
                if turn >= 0:  # the first turn compiles and warms up
                    seconds[name].append(time.perf_counter() - start)
    medians = {name: 1000 * statistics.median(times) for name, times in seconds.items()}
    table = Table("model", "ms a step", title=f"{recipe.data}, batch {config.batch_size}")
    for name, value in medians.items():
        table.add_row(name, f"{value:.1f}")
    Console().print(table)
    result = {
        "recipe": "benchmark_joint",
        "step_ratio": round(medians["fused"] / medians["text only"], 3),
        "text_only_ms": round(medians["text only"], 1),
        "fused_ms": round(medians["fused"], 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
