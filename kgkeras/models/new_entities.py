"""Entities that a model has not been trained on."""

import numpy as np
from keras import ops


def with_entities(model, entities, vectors=None, facts=None, names=None):
    """What `LinkPredictor.add_entities` returns."""
    if (vectors is None) == (facts is None):
        raise ValueError(
            f"Give either `vectors` or `facts`. Received: vectors={vectors!r}, facts={facts!r}."
        )
    vocabulary = model.names.extended(entities, names)
    if vectors is None:
        vectors = _from_facts(entities, facts, model)
    vectors, old = np.asarray(vectors, dtype="float32"), model.triples.entities
    wanted = (len(vocabulary.entities) - old.num_entities, old.dim)
    if vectors.shape != wanted:
        raise ValueError(
            f"`vectors` must have the shape {wanted}. Received: shape {vectors.shape}."
        )
    config = model.get_config()
    config["triples"]["config"]["entities"]["config"]["num_entities"] = len(vocabulary.entities)
    grown = type(model).from_config(config)
    grown.vocabulary = vocabulary
    for new, variable in zip(grown.variables, model.variables, strict=True):
        whole = ops.concatenate([variable, vectors]) if variable is old.table else variable
        new.assign(whole)
    return grown


def _from_facts(entities, facts, model):
    """`(entities, dim)`: means of the vectors of the known entities that share a fact with each."""
    rows = {name: i for i, name in enumerate(entities)}
    new, known = [], []
    for head, relation, tail in facts:
        model.vocabulary.relation_id(relation)
        for one, other in ((head, tail), (tail, head)):
            if one in rows and other not in rows:
                new.append(rows[one])
                known.append(model.vocabulary.entity_id(other))
    table = model.entity_vectors()
    sums = np.zeros((len(entities), table.shape[1]), dtype="float32")
    np.add.at(sums, new, table[known])
    counts = np.bincount(new, minlength=len(entities))
    if not counts.all():
        lone = entities[int(np.argmin(counts))]
        raise ValueError(
            f"`facts` must link each new entity to a known one. Received: {lone!r} with no fact "
            "with an entity that the model knows."
        )
    return sums / counts[:, None].astype("float32")
