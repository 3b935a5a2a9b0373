"""Input pipelines: texts and triples in, batches of plain tensors out."""

from kgkeras.pipelines.joint import joint_batches, steps_per_epoch
from kgkeras.pipelines.known_triples import KnownTriples
from kgkeras.pipelines.one_vs_all import one_vs_all_batches
from kgkeras.pipelines.passes import triple_steps
from kgkeras.pipelines.query_batches import query_batches, query_steps
from kgkeras.pipelines.sampled import sampled_batches
from kgkeras.pipelines.texts import encode_texts, text_batches

__all__ = [
    "KnownTriples",
    "encode_texts",
    "joint_batches",
    "one_vs_all_batches",
    "query_batches",
    "query_steps",
    "sampled_batches",
    "steps_per_epoch",
    "text_batches",
    "triple_steps",
]
