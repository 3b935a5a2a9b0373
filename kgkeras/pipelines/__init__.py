"""Input pipelines: texts and triples in, batches of plain tensors out."""

from kgkeras.pipelines.joint import joint_batches, steps_per_epoch
from kgkeras.pipelines.known_triples import KnownTriples
from kgkeras.pipelines.texts import encode_texts, text_batches

__all__ = ["KnownTriples", "encode_texts", "joint_batches", "steps_per_epoch", "text_batches"]
