"""What structure and texts say, added up, for `text_link_prediction.py`."""

import dataclasses

import kgkeras  # noqa: F401  (before Keras: it sets TensorFlow's defaults)

# isort: split
import numpy as np

from kgkeras import evaluation, models

SUMS = {
    "irreflexive": "structure, no entity as its own answer",
    "sum": "the same and texts, added up",
    "sum_control": "the same with shuffled texts",
}
ENTITY_TEXTS = ("entity_tokens", "entity_lengths")
WEIGHTS = (0.0, 0.2, 0.4, 0.7, 1.0, 1.5)


def shuffled(config, vectors):
    """Each entity with another one's text."""
    return np.random.default_rng(config.seed).permutation(vectors)


def add_up(config, splits, structure, texts, name):
    """One of `SUMS`: `structure` and what knows `texts`; no entity as its own answer.

    Args:
        config: The recipe's configuration.
        splits: The graph's facts.
        structure: The model of structure alone.
        texts: The `TextIndex` of a tuned encoder, or the model of texts alone. Its weight is the
            best one on validation facts.
        name: A key of `SUMS`.
    """
    # Few facts of an entity and itself are no reason to have each entity as its own answer.
    irreflexive = models.EnsemblePredictor.irreflexive_relations(splits.train, tolerance=0.01)

    def added(weight):
        return models.EnsemblePredictor(members, weight, irreflexive=irreflexive)

    members = [structure]
    if name == "irreflexive":
        return added([1.0])
    members.append(others_texts(config, splits, texts) if name == "sum_control" else texts)
    valid = splits.valid.triples[: config.valid_limit]
    known = evaluation.TrueTriples(splits.train, splits.valid)
    mrr = {weight: evaluation.rank(added([1.0, weight]), valid, known) for weight in WEIGHTS}
    best = max(WEIGHTS, key=lambda weight: mrr[weight].metrics()["mrr"])
    print(f"{SUMS[name]}: weight of the texts {best}")
    return added([1.0, best])


def others_texts(config, splits, texts):
    """What knows texts, when each entity has another one's."""
    order = shuffled(config, np.arange(texts.num_entities))
    if isinstance(texts, models.TextIndex):
        rows = {name: getattr(texts.texts, name)[order] for name in ENTITY_TEXTS}
        return texts.model.index(dataclasses.replace(texts.texts, **rows))
    return texts.about(splits, texts.triples.entities.texts.numpy()[order])
