"""Plots as PNG files: ranks by relation and by category, and calibration."""

import numpy as np

from kgkeras.evaluation.plots import save, subplots


def plot_relations(by_relation, names, path, most=30):
    """Draws the mean reciprocal rank of the relations with the most triples.

    Args:
        by_relation: What `Ranks.by_relation` returned.
        names: What the relations are called, by id.
        path: PNG file to write.
        most: Number of relations to draw.

    Returns:
        `path`.
    """
    relations = sorted(by_relation, key=lambda relation: -by_relation[relation]["triples"])[:most]
    figure, panels = subplots(1, 1, (8, 1.2 + 0.22 * len(relations)))
    panel = panels[0, 0]
    labels = [f"{_short(names[i])} ({by_relation[i]['triples']})" for i in relations]
    panel.barh(range(len(labels)), [by_relation[i]["mrr"] for i in relations], color="tab:blue")
    panel.set_yticks(range(len(labels)), labels)  # by place: shortened names may be equal
    panel.set(title="relations with the most triples", xlabel="MRR", xlim=(0, 1))
    panel.invert_yaxis()
    panel.tick_params(axis="y", labelsize=7)
    panel.grid(alpha=0.3, axis="x")
    return save(figure, path)


def plot_categories(by_category, path):
    """Draws the mean reciprocal rank of each category of relations, for each side.

    Args:
        by_category: What `Ranks.by_category` returned.
        path: PNG file to write.

    Returns:
        `path`.
    """
    figure, panels = subplots(1, 1, (6, 3.6))
    panel = panels[0, 0]
    first = next(iter(by_category.values()))
    bars = [name for name in ("tail_mrr", "head_mrr") if name in first] or ["mrr"]
    width = 0.8 / len(bars)
    for i, name in enumerate(bars):
        places = np.arange(len(by_category)) + (i - (len(bars) - 1) / 2) * width
        values = [figures[name] for figures in by_category.values()]
        panel.bar(places, values, width, label=name.removesuffix("_mrr"))
    labels = [f"{name} ({figures['triples']})" for name, figures in by_category.items()]
    panel.set_xticks(range(len(labels)), labels)
    panel.set(title="kinds of relations", ylabel="MRR", ylim=(0, 1))
    panel.legend()
    panel.grid(alpha=0.3, axis="y")
    return save(figure, path)


def plot_calibration(reliability, path):
    """Draws the share of true triples over the probability that they were given.

    Args:
        reliability: A `Reliability`.
        path: PNG file to write.

    Returns:
        `path`.
    """
    figure, panels = subplots(1, 1, (4.2, 4))
    panel = panels[0, 0]
    panel.plot([0, 1], [0, 1], color="grey", linestyle=":", label="perfect")
    panel.plot(reliability.probabilities, reliability.shares, marker="o", label="model")
    panel.set(title="calibration", xlabel="probability", ylabel="share of true triples")
    panel.legend()
    panel.grid(alpha=0.3)
    return save(figure, path)


def _short(name, length=50):
    """The end of a long name: that of a Freebase relation says the most."""
    return name if len(name) <= length else "…" + name[1 - length :]
