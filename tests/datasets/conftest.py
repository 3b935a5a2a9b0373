"""This room makes no tensors, so no test needs TensorFlow's session cleared."""

import pytest


@pytest.fixture(autouse=True)
def reproducible():
    """Takes the place of the fixture that costs each test a garbage collection."""
