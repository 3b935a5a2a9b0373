"""Pure functions on tensors."""

from kgkeras.ops.compilation import compiled, fused
from kgkeras.ops.lookup import lookup
from kgkeras.ops.mentions import first_mentions
from kgkeras.ops.places import places_of
from kgkeras.ops.ranking import ranks_from_scores
from kgkeras.ops.replicas import first_replica, num_replicas
from kgkeras.ops.tag_spans import tag_spans

__all__ = [
    "compiled",
    "first_mentions",
    "first_replica",
    "fused",
    "lookup",
    "num_replicas",
    "places_of",
    "ranks_from_scores",
    "tag_spans",
]
