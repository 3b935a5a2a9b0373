"""What an encoder has made of the tables, as tables of their own."""


def with_tables(model, into=None):
    """What `LinkPredictor.as_tables` returns."""
    if model.triples.encoder is None:
        return model
    if into is None:
        into = _without_encoder(model)
    encoded = model.triples.encoded(training=False)
    for kind in ("entities", "relations"):
        getattr(into.triples, kind).table.assign(getattr(encoded, kind).table)
    for new, old in zip(into.scorer.variables, model.scorer.variables, strict=True):
        new.assign(old)
    return into


def _without_encoder(model):
    config, triples = model.get_config(), model.triples
    tables = config["triples"]["config"]
    tables["encoder"] = None
    tables["entities"]["config"]["dim"] = triples.dim
    tables["relations"]["config"]["dim"] = triples.relation_dim
    plain = type(model).from_config(config)
    plain.vocabulary = model.vocabulary
    return plain
