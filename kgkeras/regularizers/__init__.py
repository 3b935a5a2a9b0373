"""Penalties on the vectors of a batch of triples."""

from kgkeras.regularizers.dura import DURA
from kgkeras.regularizers.norms import L2, N3
from kgkeras.regularizers.regularizer import Regularizer

__all__ = ["DURA", "L2", "N3", "Regularizer"]
