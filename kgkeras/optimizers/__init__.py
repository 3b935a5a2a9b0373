"""Optimizers for models of words and facts."""

from kgkeras.optimizers.lazy_adam import LazyAdam
from kgkeras.optimizers.multi_rate_adam import MultiRateAdam
from kgkeras.optimizers.sparse_adagrad import SparseAdagrad

__all__ = ["LazyAdam", "MultiRateAdam", "SparseAdagrad"]
