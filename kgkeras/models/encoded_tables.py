"""What an encoder or a fusion has made of the tables, as tables of their own."""

import keras

from kgkeras.layers import EntityEmbedding


def with_tables(model, into=None, model_class=None):
    """What `as_tables` of a `LinkPredictor` returns, of `model_class`, its own where None."""
    triples = model.triples
    if triples.encoder is None and type(triples.entities) is EntityEmbedding:
        return model
    if into is None:
        into = _plain(model, model_class or type(model))
    encoded = triples.encoded(training=False)
    for kind in ("entities", "relations"):
        getattr(into.triples, kind).table.assign(getattr(encoded, kind).vectors(training=False))
    for new, old in zip(into.scorer.variables, model.scorer.variables, strict=True):
        new.assign(old)
    return into


def _plain(model, model_class):
    config, triples = model.get_config(), model.triples
    tables = config["triples"]["config"]
    table = EntityEmbedding(
        triples.entities.num_entities,
        triples.dim,
        dropout=triples.entities.dropout,
        dtype=triples.entities.dtype_policy,
        name=triples.entities.name,
    )
    tables["entities"] = keras.saving.serialize_keras_object(table)
    tables["encoder"] = None
    tables["relations"]["config"]["dim"] = triples.relation_dim
    plain = model_class.from_config(config)
    plain.vocabulary = model.vocabulary
    return plain
