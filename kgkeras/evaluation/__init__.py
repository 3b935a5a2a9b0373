"""Protocols and reports: what a figure in a table means, and the plots beside it."""

from kgkeras.evaluation.bootstrap import bootstrap_interval
from kgkeras.evaluation.calibration import Calibration
from kgkeras.evaluation.cloze import Cloze, cloze
from kgkeras.evaluation.likely_facts import likely_facts
from kgkeras.evaluation.plots import plot_histories, plot_word_weights
from kgkeras.evaluation.rank_plots import plot_calibration, plot_categories, plot_relations
from kgkeras.evaluation.ranking import Ranker, rank
from kgkeras.evaluation.ranking_callback import RankingCallback
from kgkeras.evaluation.ranks import Ranks, SideRanks
from kgkeras.evaluation.relation_f1 import relation_f1
from kgkeras.evaluation.reliability import Reliability, reliability
from kgkeras.evaluation.report import write_report
from kgkeras.evaluation.span_figures import span_counts, span_f1, span_figures
from kgkeras.evaluation.triple_classification import TripleClassification, classify_triples
from kgkeras.evaluation.triple_scores import false_triples, score_triples
from kgkeras.evaluation.true_triples import TrueTriples
from kgkeras.evaluation.walk_plots import plot_walks
from kgkeras.evaluation.word_weights import word_weights

__all__ = [
    "Calibration",
    "Cloze",
    "Ranker",
    "RankingCallback",
    "Ranks",
    "Reliability",
    "SideRanks",
    "TripleClassification",
    "TrueTriples",
    "bootstrap_interval",
    "classify_triples",
    "cloze",
    "false_triples",
    "likely_facts",
    "plot_calibration",
    "plot_categories",
    "plot_histories",
    "plot_relations",
    "plot_walks",
    "plot_word_weights",
    "rank",
    "relation_f1",
    "reliability",
    "score_triples",
    "span_counts",
    "span_f1",
    "span_figures",
    "word_weights",
    "write_report",
]
