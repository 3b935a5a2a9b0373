"""Texts with facts in branches, each seen from where it belongs."""

import keras
import keras_hub
import numpy as np
import pytest

from kgkeras import layers, text
from kgkeras.text.tree_encoder import visible

SIZE, DIM = 50, 8


def encoder(kind, num_layers=2):
    keras.utils.set_random_seed(1)
    if kind == "small":
        return text.TransformerEncoder(SIZE, DIM, num_layers, 2, 24, dropout=0.0)
    backbone = keras_hub.models.BertBackbone(SIZE, num_layers, 2, DIM, 16, 0.0, 24)
    pretrained = text.PretrainedEncoder(backbone)
    if kind == "adapted":
        return text.AdaptedEncoder(pretrained, [layers.Adapter(4) for _ in range(num_layers)])
    return pretrained


@pytest.fixture(scope="module")
def tree():
    """Two texts of six words; the second word of the first has a fact of three words."""
    branches = np.array([[0, 0, 1, 1, 1, 0, 0, 0, 0], [0] * 9])
    mentions = np.array([[-1, 0, 0, 0, 0, -1, -1, -1, -1], [-1] * 9])
    positions = np.array([[0, 1, 2, 3, 4, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5, 0, 0, 0]])
    return {
        "token_ids": np.random.default_rng(0).integers(1, SIZE, (2, 9)).astype("int32"),
        "padding_mask": np.arange(9) < np.array([[9], [6]]),
        "positions": positions.astype("int32"),
        "branches": branches.astype("int32"),
        "mentions": mentions.astype("int32"),
    }


def without_facts(inputs):
    """The words of the texts alone, as other encoders take them."""
    kept = np.stack([np.flatnonzero(row == 0)[:6] for row in inputs["branches"]])
    names = ("token_ids", "padding_mask")
    return kept, {name: np.take_along_axis(inputs[name], kept, axis=1) for name in names}


def test_what_sees_what():
    branches, mentions = [[0, 0, 1, 1, 2, 0]], [[-1, 0, 0, 0, 0, 1]]
    found = keras.ops.convert_to_numpy(visible(np.array(branches), np.array(mentions)))[0]
    for i in range(6):
        for j in range(6):
            (a, b), (m, n) = ((row[0][i], row[0][j]) for row in (branches, mentions))
            wanted = a == b or (0 in (a, b) and m == n and m >= 0)
            assert found[i, j] == wanted, (i, j)


@pytest.mark.parametrize("kind", ["adapted", "beside"])
def test_adapters_see_what_words_may_see(kind):
    # Two mentions, each with a fact of two words in a branch of its own.
    branches, mentions = [0, 0, 1, 1, 0, 2, 2, 0], [-1, 0, 0, 0, 1, 1, 1, -1]
    rows = {"token_ids": [3, 4, 5, 6, 7, 8, 9, 10], "positions": [0, 1, 2, 3, 2, 3, 4, 3]}
    rows |= {"branches": branches, "mentions": mentions}
    inputs = {name: np.array([row], "int32") for name, row in rows.items()}
    inputs["padding_mask"] = np.ones((1, 8), bool)
    make = {"adapted": text.AdaptedEncoder, "beside": text.KAdapterEncoder}[kind]
    large = keras.initializers.RandomNormal(stddev=0.5, seed=1)
    adapter = layers.TransformerAdapter(8, 1, 2, initializer=large)
    model = text.TreeEncoder(make(encoder("small", num_layers=1), [adapter]))
    other = inputs["token_ids"] + np.where(inputs["branches"] == 1, 6, 0)
    moved = np.abs(model({**inputs, "token_ids": other}).numpy() - model(inputs).numpy())
    # From the first fact by both mentions to the second it is three layers; there are two.
    assert moved[0, [1, 2, 3]].max() > 1e-3
    assert moved[0, [5, 6]].max() < 1e-5


@pytest.mark.parametrize("kind", ["small", "pretrained", "adapted"])
def test_facts_reach_their_mention_alone(tree, kind, tmp_path):
    plain, rng = encoder(kind, num_layers=1), np.random.default_rng(2)
    for weight in plain.weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    model = text.TreeEncoder(plain)
    words = model(tree).numpy()
    kept, inputs = without_facts(tree)
    alone = plain(inputs).numpy()
    words_of_text = np.take_along_axis(words, kept[..., None], axis=1)
    # One layer: what is no mention sees no fact, and stands where it stood.
    np.testing.assert_allclose(
        words_of_text[0, [0, 2, 3, 4, 5]], alone[0, [0, 2, 3, 4, 5]], atol=1e-5
    )
    np.testing.assert_allclose(words_of_text[1], alone[1], atol=1e-5)
    assert np.abs(words_of_text[0, 1] - alone[0, 1]).max() > 1e-3
    assert not words[1, 6:].any()
    model.save(tmp_path / "tree.keras")
    again = keras.models.load_model(tmp_path / "tree.keras")
    np.testing.assert_array_equal(again(tree), words)
    assert len(again.trainable_weights) == len(plain.trainable_weights)
    changed = model.encode_with(lambda x: x * np.arange(DIM, dtype="float32"), 0, tree)
    assert np.abs(changed.numpy() - words)[0].max() > 1e-3


def test_what_is_no_encoder():
    with pytest.raises(ValueError, match="`encoder` must have layers to reach between"):
        text.TreeEncoder(text.LSTMEncoder(SIZE, DIM))
    backbone = keras_hub.models.RobertaBackbone(SIZE, 1, 2, DIM, 16, 0.0, 24)
    with pytest.raises(ValueError, match="`positions` need a backbone that has a Position"):
        text.TreeEncoder(text.PretrainedEncoder(backbone))
