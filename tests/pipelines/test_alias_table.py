import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras.pipelines.alias_table import AliasTable


def _probabilities(table):
    """What the cells give to each id: their own share, and what is left to their aliases."""
    shares = table.keep + np.bincount(table.alias, 1.0 - table.keep, minlength=len(table.keep))
    return shares / len(table.keep)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.one_of(st.just(0.0), st.floats(0.01, 1000)), min_size=1, max_size=40))
def test_cells_hold_the_distribution(weights):
    weights = np.array([*weights, 1.0])
    table = AliasTable(weights)
    assert ((table.keep >= 0) & (table.keep <= 1)).all()
    np.testing.assert_allclose(_probabilities(table), weights / weights.sum(), atol=1e-6)


def test_a_large_cell_that_ends_with_a_small_one():
    weights = np.array([0.0, 2, 0, 2])
    np.testing.assert_array_equal(_probabilities(AliasTable(weights)), weights / 4)


def test_heavy_tails():
    weights = np.arange(1, 100_001) ** -1.2
    np.testing.assert_allclose(
        _probabilities(AliasTable(weights)), weights / weights.sum(), rtol=1e-3
    )


def test_draws():
    weights = np.array([0.0, 1, 2, 5])
    draws = AliasTable(weights).draw([100, 200], [1, 2]).numpy()
    assert draws.shape == (100, 200)
    assert draws.dtype == np.int32
    counts = np.bincount(draws.ravel(), minlength=4)
    assert counts[0] == 0
    np.testing.assert_allclose(counts / 20_000, weights / 8, atol=0.015)
