"""The way to a quality stops there, or at its limit."""

import pytest


@pytest.fixture
def recipe(load_recipe):
    return load_recipe("benchmark_quality")


def _config(recipe, data, **settings):
    settings = dict(dim=16, batch_size=32, valid_triples=50, every=0.05) | settings
    return recipe.Config(data=str(data / "UMLS"), **settings)


def test_stops_at_the_goal(recipe, shared_data, last_line):
    result = recipe.main(_config(recipe, shared_data, goal=0.3, limit=60.0))
    *before, (seconds, mrr) = result["history"]
    assert mrr >= 0.3 > max((earlier for _, earlier in before), default=0.0)
    assert result["seconds"] == seconds
    assert result["pykeen_seconds"] is result["ratio"] is None
    assert last_line() == {**result, "history": [list(pair) for pair in result["history"]]}


def test_gives_up(recipe, shared_data):
    result = recipe.main(_config(recipe, shared_data, goal=0.9999, limit=0.3))
    assert result["seconds"] is None
    assert result["history"][-1][1] < 0.9999


def test_unknown_settings(recipe, shared_data):
    with pytest.raises(ValueError, match=r"numbers below 4.*Received: \['9', 'x'\]"):
        recipe.main(_config(recipe, shared_data, pykeen_settings="0,9,x"))
