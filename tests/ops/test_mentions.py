import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import ops as kg_ops
from tests import reference

ROWS = st.integers(1, 9).flatmap(
    lambda length: st.lists(
        st.lists(st.integers(-1, 3), min_size=length, max_size=length), min_size=1, max_size=4
    )
)


@settings(deadline=None, max_examples=60)
@given(rows=ROWS, limit=st.integers(1, 5))
def test_agrees_with_the_reference(rows, limit):
    found = kg_ops.first_mentions(np.array(rows, "int32"), limit)
    np.testing.assert_array_equal(found, [reference.mentions(row, limit) for row in rows])


def test_padding_changes_nothing():
    ids = np.array([[3, 3, -1, 5]], "int32")
    padded = np.pad(ids, [[0, 0], [0, 6]], constant_values=-1)
    np.testing.assert_array_equal(kg_ops.first_mentions(ids, 3), kg_ops.first_mentions(padded, 3))
