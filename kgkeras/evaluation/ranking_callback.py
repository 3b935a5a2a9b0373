"""Ranks while a model trains."""

import keras
import numpy as np

from kgkeras.checks import one_of, positive_int
from kgkeras.evaluation.ranking import Ranker
from kgkeras.evaluation.true_triples import TrueTriples, as_triples, as_true_triples


class RankingCallback(keras.callbacks.Callback):
    """Puts the figures of `rank` into the logs: `val_mrr`, `val_mr`, `val_hits@1` and so on.

    Callbacks listed after this one see them (`EarlyStopping("val_mrr", mode="max")`,
    `ModelCheckpoint`, `CSVLogger`, `TensorBoard`), and so does the history of `fit`. Ranking takes
    place after the first epoch and after every epoch whose number is a multiple of `every`. In
    between, the last figures stand, so that the logs have the same keys in each epoch; a resumed
    `fit` that has none yet logs NaN, which no callback takes for progress. An
    `EarlyStopping` counts those epochs as ones without progress, so its `patience` is best a
    multiple of `every`.

    Args:
        triples: Validation triples: `kg.KnowledgeGraph` or integer array `(n, 3)`.
        known: What to leave out, as for `rank`: training and validation triples.
        every: Epochs from one ranking to the next.
        prefix: What the names in the logs begin with.
        sample: Number of `triples` to rank, drawn once; None ranks all.
        seed: Seed of the draw.
        hits: Each `k` of the `hits@k`.
        sides: As for `rank`.
        **options: Further arguments of `Ranker`, such as `memory`.

    Raises:
        ValueError: If an argument is not as described.
    """

    def __init__(
        self,
        triples,
        known,
        *,
        every=1,
        prefix="val_",
        sample=None,
        seed=0,
        hits=(1, 3, 10),
        sides="both",
        **options,
    ):
        super().__init__()
        self.triples = as_triples(triples)
        if sample is not None and positive_int("sample", sample) < len(self.triples):
            rows = np.random.default_rng(seed).choice(len(self.triples), sample, replace=False)
            self.triples = self.triples[np.sort(rows)]
        self.known = TrueTriples() if known is None else as_true_triples(known)
        self.every = positive_int("every", every)
        self.prefix = prefix
        self.hits = tuple(positive_int("hits", k) for k in hits)
        self.sides = one_of("sides", sides, ("both", "tail", "head"))
        self.options = options
        self._ranker = None
        self._names = ("mrr", "mr", *(f"hits@{k}" for k in self.hits))
        self._figures = {}

    def set_model(self, model):
        super().set_model(model)
        self._ranker = Ranker(model, **self.options)

    def on_train_begin(self, logs=None):
        self._figures = dict.fromkeys((self.prefix + name for name in self._names), np.nan)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0 or not epoch:
            found = self._ranker.rank(self.triples, self.known, sides=self.sides)
            found = found.metrics(self.hits)
            self._figures = {self.prefix + name: found[name] for name in self._names}
        if logs is not None:
            logs.update(self._figures)
