"""Models in the form in which many questions are cheap."""


def as_tables(model, into=None):
    """`model.as_tables(into)` where there is such a method, else the model itself."""
    method = getattr(model, "as_tables", None)
    return model if method is None else method(into)
