"""What each hop reads of a question."""

import numpy as np

from kgkeras.layers import HopAttention


def test_is_the_formula():
    rng = np.random.default_rng(0)
    text = rng.normal(size=(4, 6, 5)).astype("float32")
    mask = np.arange(6) < np.array([[6], [3], [1], [0]])
    layer = HopAttention(3)
    found = np.asarray(layer(text, mask))
    assert found.shape == (4, 3, 5)
    kernel, *_ = layer.get_weights()
    for row in range(3):
        words = text[row][mask[row]]
        mean = words.mean(axis=0)
        for hop in range(3):
            logits = words @ np.tanh(np.einsum("d,de->e", mean, kernel[:, hop]))
            odds = np.exp(logits - logits.max())
            np.testing.assert_allclose(found[row, hop], odds / odds.sum() @ words, atol=1e-5)
    assert not found[3].any()
    again = HopAttention.from_config(layer.get_config())
    assert again.hops == 3
