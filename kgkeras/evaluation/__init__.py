"""Protocols and reports: what a figure in a table means, and the plots beside it."""

from kgkeras.evaluation.plots import plot_histories, plot_word_weights
from kgkeras.evaluation.relation_f1 import relation_f1
from kgkeras.evaluation.word_weights import word_weights

__all__ = ["plot_histories", "plot_word_weights", "relation_f1", "word_weights"]
