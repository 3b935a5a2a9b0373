"""Models of one task beside each other: a figure with its interval, and the gain on one of them."""

import pathlib

import keras
from rich.table import Table

import kgkeras
from kgkeras import evaluation, pipelines


def compile_classifier(config, model, loss, metric, num_rows, new_layers):
    """Compiles, with a rate that rises and falls: another for tables, and for `new_layers`.

    Args:
        config: With `epochs`, `batch_size`, `learning_rate`, `new_rate` and `table_rate`.
        model: The model.
        loss: Its loss.
        metric: What is watched.
        num_rows: Number of training rows.
        new_layers: Parts of the names of layers that learn at `new_rate` times the rate.
    """
    steps = config.epochs * pipelines.steps_per_epoch(num_rows, config.batch_size)
    warmup = max(steps // 20, 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - warmup, 1), warmup_target=config.learning_rate, warmup_steps=warmup
    )
    rates = {"table": config.table_rate} | dict.fromkeys(new_layers, config.new_rate)
    # Without XLA: on a CPU it takes longer to compile these models than it saves.
    model.compile(
        kgkeras.optimizers.MultiRateAdam(schedule, rates, clipnorm=1.0),
        loss=loss,
        metrics=[metric],
        jit_compile=False,
    )


def measure(name, metric, labels, answers, baseline):
    """A figure and its interval; with the answers of a `baseline`, also the gain on it.

    Args:
        name: Name of the figure.
        metric: Function of labels and answers.
        labels: What is right.
        answers: A model's answers.
        baseline: The answers of the model to compare with, None for none.
    """
    low, high = evaluation.bootstrap_interval(metric, labels, answers)
    figures = {name: metric(labels, answers), "low": low, "high": high}
    if baseline is not None and baseline is not answers:

        def gain(labels, ours, theirs):
            return metric(labels, ours) - metric(labels, theirs)

        low, high = evaluation.bootstrap_interval(gain, labels, answers, baseline)
        figures |= {"gain": gain(labels, answers, baseline), "gain_low": low, "gain_high": high}
    return figures


def report(title, names, figures, histories, folder, console, watched="val_accuracy"):
    """Prints the table of all models, and draws their learning curves.

    Args:
        title: Title of the table.
        names: What to call each model.
        figures: What `measure` says of each, in the same order; further figures get a column.
        histories: The history of each.
        folder: Where the plot goes.
        console: `rich` console.
        watched: What of the histories is drawn beside the loss.
    """
    row = next(iter(figures.values()))
    gains = ("gain", "gain_low", "gain_high")
    name, _, _, *more = [figure for figure in row if figure not in gains]
    table = Table(title=title)
    for column in ("model", name, "95 %", "gain", "95 %", *more):
        table.add_column(column)
    for model, row in figures.items():
        interval = f"{row['low']:.4f} .. {row['high']:.4f}"
        gain = ("", "")
        if "gain" in row:
            gain = f"{row['gain']:+.4f}", f"{row['gain_low']:+.4f} .. {row['gain_high']:+.4f}"
        rest = (f"{row[n]:,}" if isinstance(row[n], int) else f"{row[n]:.4f}" for n in more)
        table.add_row(names[model], f"{row[name]:.4f}", interval, *gain, *rest)
    console.print(table)
    plot = pathlib.Path(folder) / "learning_curves.png"
    named = {names[model]: history for model, history in histories.items()}
    evaluation.plot_histories(named, ("loss", watched), plot)
    console.print("Plot:", plot)


def headline(figures, main):
    """All figures in one flat dict; those of the model `main` under their own names."""
    return {
        ("" if model == main else model + "_") + figure: round(value, 4)
        for model, row in figures.items()
        for figure, value in row.items()
    }


def checked_models(config, names):
    """The models that `config.models` lists.

    Raises:
        ValueError: If one is not among `names`.
    """
    listed = config.models.split(",")
    if unknown := set(listed) - set(names):
        raise ValueError(f"`models` must be among {', '.join(names)}. Received: {sorted(unknown)}.")
    return listed
