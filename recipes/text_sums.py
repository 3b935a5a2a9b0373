"""What structure and a tuned encoder say, added up, for `text_link_prediction.py`."""

import dataclasses

import kgkeras  # noqa: F401  (before Keras: it sets TensorFlow's defaults)

# isort: split
import numpy as np

from kgkeras import evaluation, models

SUMS = {
    "irreflexive": "structure, no entity as its own answer",
    "sum": "the same and the tuned encoder, added up",
    "sum_control": "the same with shuffled texts",
}
ENTITY_TEXTS = ("entity_tokens", "entity_lengths")
WEIGHTS = (0.0, 0.2, 0.4, 0.7, 1.0, 1.5)


def shuffled(config, vectors):
    """Each entity with another one's text."""
    return np.random.default_rng(config.seed).permutation(vectors)


def add_up(config, splits, structure, index, name):
    """One of `SUMS`: `structure` and what a bi-encoder has in `index`; no entity as its own answer.

    The encoder's weight is the best one on validation facts.
    """
    # Few facts of an entity and itself are no reason to have each entity as its own answer.
    irreflexive = models.EnsemblePredictor.irreflexive_relations(splits.train, tolerance=0.01)

    def added(weight):
        return models.EnsemblePredictor(members, weight, irreflexive=irreflexive)

    members = [structure]
    if name == "irreflexive":
        return added([1.0])
    if name == "sum_control":
        order = shuffled(config, np.arange(index.num_entities))
        rows = {name: getattr(index.texts, name)[order] for name in ENTITY_TEXTS}
        index = index.model.index(dataclasses.replace(index.texts, **rows))
    members.append(index)
    valid = splits.valid.triples[: config.valid_limit]
    known = evaluation.TrueTriples(splits.train, splits.valid)
    mrr = {weight: evaluation.rank(added([1.0, weight]), valid, known) for weight in WEIGHTS}
    best = max(WEIGHTS, key=lambda weight: mrr[weight].metrics()["mrr"])
    print(f"{SUMS[name]}: weight of the encoder {best}")
    return added([1.0, best])
