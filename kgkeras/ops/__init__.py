"""Pure functions on tensors."""

from kgkeras.ops.lookup import lookup
from kgkeras.ops.mentions import first_mentions
from kgkeras.ops.replicas import num_replicas

__all__ = ["first_mentions", "lookup", "num_replicas"]
