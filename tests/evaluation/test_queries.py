import numpy as np
import pytest

from kgkeras.evaluation.queries import Queries


@pytest.mark.parametrize("rows", [1, 3, 7, 1000])
def test_blocks_hold_every_triple_once(rows):
    rng = np.random.default_rng(rows)
    # One query has most of the answers, more than a block of few queries holds.
    anchor, relation = np.where(rng.random(400) < 0.6, 0, rng.integers(0, 6, (2, 400)))
    target = rng.integers(0, 9, 400)
    asked = Queries(anchor, relation, target)
    assert len(set(zip(asked.anchor, asked.relation, strict=True))) == len(asked.anchor)
    seen, shapes = [], set()
    for block in asked.blocks(rows):
        size = block.last - block.first
        assert size
        assert 0 < block.stop - block.start <= rows
        places = asked.order[block.first : block.last]
        np.testing.assert_array_equal(block.anchor[block.row[:size]], anchor[places])
        np.testing.assert_array_equal(block.relation[block.row[:size]], relation[places])
        np.testing.assert_array_equal(block.target[:size], target[places])
        seen.extend(places)
        shapes.add((block.anchor.shape, block.relation.shape, block.row.shape, block.target.shape))
    assert sorted(seen) == list(range(400))
    assert len(shapes) == 1
