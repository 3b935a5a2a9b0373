"""Choices of `link_prediction.py`, what suits most graphs, and what was found for some."""

from kgkeras import losses

LOSSES = {
    "cross_entropy": losses.CrossEntropyLoss,
    "binary": losses.BinaryCrossEntropyLoss,
    "softplus": losses.SoftplusLoss,
    "margin": losses.MarginRankingLoss,
    "self_adversarial": losses.NegativeSamplingLoss,
}
REGIMES = ("one_vs_all", "queries", "k_vs_all", "sampled")

# What suits most graphs and product scorers; presets are what was found on validation facts.
DEFAULTS = dict(
    data="geography",
    scorer="complex",
    squared=False,
    dim=200,
    regime="queries",
    num_negatives=1000,
    self_negatives=False,
    weigh_negatives=False,
    optimizer="adagrad",
    learning_rate=0.1,
    decay=1.0,
    initial_range=0.0,
    regularizer=0.05,
    entity_dropout=0.0,
    epochs=20,
    batch_size=512,
    evaluate_every=2,
)
N3 = dict(learning_rate=0.2, decay=0.95)
SMALL = dict(regime="one_vs_all", batch_size=128, learning_rate=0.1, evaluate_every=10)
DISTANCE = dict(optimizer="adam", learning_rate=4e-3, initial_range=0.1, regularizer=0.0)
SOFTMAX = dict(regime="sampled", num_negatives=4096, self_negatives=True, initial_range=1e-3)
PRESETS = {
    "fb15k-237/complex": N3 | dict(dim=400, epochs=14),
    "fb15k-237/distmult": N3 | dict(dim=400, epochs=12),
    "fb15k-237/transe": DISTANCE | dict(dim=128, epochs=16, decay=0.94, batch_size=256),
    "fb15k-237/rotate": DISTANCE | dict(dim=384, epochs=16, decay=0.94, batch_size=256),
    "wn18rr/complex": SMALL | SOFTMAX | dict(dim=512, epochs=30, regularizer=0.1, evaluate_every=5),
    "wn18rr/rotate": SMALL
    | SOFTMAX
    | dict(squared=True, weigh_negatives=True, dim=1024, num_negatives=2048)
    | dict(regularizer=2.5, epochs=36, evaluate_every=3),
    "umls/complex": SMALL | dict(dim=200, epochs=40, regularizer=0.005),
    "kinship/complex": SMALL | dict(dim=200, epochs=40, regularizer=0.02),
}
