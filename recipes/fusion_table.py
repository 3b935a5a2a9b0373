"""Every encoder with every fusion layer, each beside its text-only twin and its control.

Runs `joint_training.py` once for each pair and prints one Markdown table, with the mean over seeds.
A run that is already there is not repeated, so the table can be made in several sittings.

    python recipes/fusion_table.py
    python recipes/fusion_table.py --encoders lstm,transformer,FOLDER_OF_MINILM --seeds 0
"""

import dataclasses
import hashlib
import json
import pathlib
import statistics
import time

import joint_training

from kgkeras import training
from kgkeras.training import setting


@dataclasses.dataclass(frozen=True)
class Config:
    """The table's whole configuration."""

    data: str = setting("geography", "what to learn", ("geography", "semeval"))
    encoders: str = setting("lstm,transformer", "encoders, as in joint_training")
    fusions: str = setting(",".join(joint_training.FUSIONS), "fusion layers")
    models: str = setting("text_only,control,fused", "which models to train")
    seeds: str = setting("0", "seeds")
    epochs: int | None = setting(None, "epochs to train")
    dtype: str = setting("float32", "precision of a pretrained encoder", ("float32", "bfloat16"))
    limit: int | None = setting(None, "use only so many texts of each split")
    run: str = setting("runs/fusion_table", "folder of the runs")


def run_one(config, encoder, fusion, seed, models):
    """The figures of one encoder, fusion and seed, from its folder or from a new run."""
    shared = ("data", "epochs", "dtype", "limit")
    wanted = joint_training.Config(
        **{name: getattr(config, name) for name in shared},
        encoder=encoder,
        fusion=fusion,
        models=",".join(models),
        seed=seed,
        export=None,
    )
    name = hashlib.sha256(json.dumps(vars(wanted), sort_keys=True).encode()).hexdigest()[:12]
    folder = pathlib.Path(config.run) / name
    if (folder / "metrics.json").exists():
        return json.loads((folder / "metrics.json").read_text())
    return joint_training.main(dataclasses.replace(wanted, run=str(folder)))


def make_rows(config):
    """One row for each encoder and fusion: means over the seeds."""
    seeds = [int(seed) for seed in config.seeds.split(",")]
    for encoder in config.encoders.split(","):
        # What knows no fusion is trained beside the first one only.
        models, text_only = config.models.split(","), {}
        for fusion in config.fusions.split(","):
            results = [run_one(config, encoder, fusion, seed, models) for seed in seeds]
            figures = [name for name in results[0] if name not in ("recipe", "seed", "seconds")]
            means = {name: statistics.mean(r[name] for r in results) for name in figures}
            text_only |= {name: means[name] for name in figures if name.startswith("text_only")}
            models = [name for name in models if name != "text_only"]
            yield {"encoder": encoder, "fusion": fusion, **text_only, **means}


def main(config):
    """Runs every pair; prints the table and returns its rows."""
    start = time.perf_counter()
    if "fused" not in config.models.split(","):
        raise ValueError(f"`models` must hold fused. Received: {config.models}.")
    rows = list(make_rows(config))
    columns = [name for name in rows[0] if name not in ("encoder", "fusion")]
    print(f"| encoder | fusion | {' | '.join(columns)} |")
    print("|---" * (2 + len(columns)) + "|")
    for row in rows:
        figures = (f"{row[name]:.3f}" for name in columns)
        print(f"| {pathlib.Path(row['encoder']).name} | {row['fusion']} | {' | '.join(figures)} |")
    best = max(row["accuracy"] for row in rows)
    seconds = round(time.perf_counter() - start, 1)
    print(json.dumps({"recipe": "fusion_table", "best_accuracy": best, "seconds": seconds}))
    return rows


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
