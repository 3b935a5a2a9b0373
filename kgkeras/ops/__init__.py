"""Pure functions on tensors."""

from kgkeras.ops.lookup import lookup
from kgkeras.ops.mentions import first_mentions
from kgkeras.ops.replicas import first_replica, num_replicas

__all__ = ["first_mentions", "first_replica", "lookup", "num_replicas"]
