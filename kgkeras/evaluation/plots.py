"""Plots as PNG files: learning curves, and how much knowledge enters each word."""

import pathlib


def plot_histories(histories, figures, path):
    """Draws learning curves side by side.

    Args:
        histories: Dict from a model's name to its history, a dict of lists.
        figures: Names of the figures to draw, one panel each.
        path: PNG file to write.

    Returns:
        `path`.
    """
    figure, panels = subplots(1, len(figures), (4.5 * len(figures), 3.6))
    for panel, name in zip(panels.flat, figures, strict=True):
        for color, (model, history) in enumerate(histories.items()):
            if name in history:
                epochs = range(1, len(history[name]) + 1)
                panel.plot(epochs, history[name], label=model, color=f"C{color}")
        panel.set(title=name, xlabel="epoch")
        panel.grid(alpha=0.3)
    panels.flat[0].legend()
    return save(figure, path)


def plot_word_weights(sentences, weights, path, title="knowledge at each word"):
    """Draws a row of bars for each sentence: how much knowledge enters each word.

    Args:
        sentences: List of lists of words.
        weights: List of sequences of floats, as long as the sentences.
        path: PNG file to write.
        title: Title of the plot.

    Returns:
        `path`.
    """
    figure, panels = subplots(len(sentences), 1, (9, 1.7 * len(sentences)))
    highest = max(max(row) for row in weights)
    for panel, words, row in zip(panels.flat, sentences, weights, strict=True):
        panel.bar(range(len(words)), row, color="tab:blue")
        panel.set_xticks(range(len(words)), words, rotation=30, ha="right", fontsize=8)
        panel.set_ylim(0, max(highest, 1e-3) * 1.05)
    panels.flat[0].set_title(title)
    return save(figure, path)


def subplots(rows, columns, size):
    """An empty figure of so many inches and its panels, an array `(rows, columns)`."""
    try:
        # The object interface alone: no display, and no state shared with the caller's plots.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Plots need matplotlib: pip install 'kgkeras[plots]'") from error
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def save(figure, path):
    """Writes a figure as PNG, and its folder if need be; returns the path."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return path
