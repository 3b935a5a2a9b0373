"""This room knows no TensorFlow, so no test needs its session cleared."""

import pytest


@pytest.fixture(autouse=True)
def reproducible():
    """Takes the place of the fixture that costs each test a garbage collection."""
