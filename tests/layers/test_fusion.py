import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import layers
from tests import reference
from tests.layer_check import check_layer

KINDS = [layers.ConcatFusion, layers.SumFusion, layers.GatedFusion, layers.AttentionFusion]
WEIGHTS = {"ConcatFusion": 2, "SumFusion": 2, "GatedFusion": 4, "AttentionFusion": 4}
TEXT = np.random.default_rng(0).normal(size=(2, 4, 6)).astype("float32")
KNOWLEDGE = np.random.default_rng(1).normal(size=(2, 4, 3)).astype("float32")
MASK = np.array([[True, False, True, False], [False] * 4])


@pytest.mark.parametrize("kind", KINDS)
def test_contract(kind):
    fused = check_layer(
        kind(),
        (TEXT, KNOWLEDGE, MASK),
        expected_shape=(2, 4, 6),
        num_weights=WEIGHTS[kind.__name__],
    )
    np.testing.assert_array_equal(fused[1], TEXT[1])  # no knowledge: bit for bit
    assert not np.allclose(fused[0, 0], TEXT[0, 0])
    if not kind.candidates:
        np.testing.assert_array_equal(fused[0, 1], TEXT[0, 1])


@pytest.mark.parametrize("kind", KINDS)
def test_masked_knowledge_is_as_absent(kind):
    layer = kind()
    other = np.where(MASK[..., None], KNOWLEDGE, np.nan)
    np.testing.assert_array_equal(
        np.nan_to_num(layer(TEXT, KNOWLEDGE, MASK)), layer(TEXT, other, MASK)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_no_mask_means_all_known(kind):
    layer = kind()
    np.testing.assert_allclose(
        layer(TEXT, KNOWLEDGE), layer(TEXT, KNOWLEDGE, np.ones((2, 4), bool)), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS[:3])
def test_broadcasts_over_batch_and_words(kind):
    layer = kind()
    full = layer(TEXT, np.broadcast_to(KNOWLEDGE[:1, :1], (2, 4, 3)))
    np.testing.assert_allclose(layer(TEXT, KNOWLEDGE[:1, :1]), full, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_precision(kind):
    fused = kind(dtype="mixed_bfloat16")(TEXT, KNOWLEDGE, MASK)
    assert keras.backend.standardize_dtype(fused.dtype) == "bfloat16"
    assert np.isfinite(np.asarray(fused, "float32")).all()


@pytest.mark.parametrize("kind", KINDS)
def test_save_and_reload(kind, tmp_path):
    inputs = [keras.Input((None, 6)), keras.Input((None, 3)), keras.Input((None,), dtype="bool")]
    model = keras.Model(inputs, kind()(*inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    batch = [TEXT, KNOWLEDGE, MASK]
    np.testing.assert_array_equal(again(batch), model(batch))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("knowledge", "mask", "message"),
    [
        ((2, 4), None, "knowledge of the same rank"),
        ((3, 4, 3), None, "cannot broadcast the knowledge"),
        ((2, 4, 3), (2, 5), "needs a mask of the knowledge's shape"),
        ((2, 4, 3), (2, 4, 3), "needs a mask of the knowledge's shape"),
    ],
)
def test_mismatched_shapes(kind, knowledge, mask, message):
    arrays = [np.zeros(knowledge, "float32")]
    if mask is not None:
        arrays.append(np.zeros(mask, bool))
    with pytest.raises(ValueError, match=rf"(?s){kind.__name__}.*{message}.*Received: text \(2, 4"):
        kind()(TEXT, *arrays)


def test_sum_concat_and_gate_agree_with_numpy():
    sums, concat, gated = layers.SumFusion(), layers.ConcatFusion(), layers.GatedFusion(-1.0)
    outputs = [layer(TEXT, KNOWLEDGE) for layer in (sums, concat, gated)]
    kernel, bias = sums.get_weights()
    np.testing.assert_allclose(outputs[0], TEXT + KNOWLEDGE @ kernel + bias, rtol=1e-4, atol=1e-5)
    kernel, bias = concat.get_weights()
    both = np.concatenate([TEXT, KNOWLEDGE], axis=-1)
    np.testing.assert_allclose(outputs[1], TEXT + both @ kernel + bias, rtol=1e-4, atol=1e-5)
    kernel, bias, gate_kernel, gate_bias = gated.get_weights()
    np.testing.assert_array_equal(gate_bias, -1.0)
    projected = np.tanh(KNOWLEDGE @ kernel + bias)
    logits = np.concatenate([TEXT, projected], axis=-1) @ gate_kernel + gate_bias
    gate = np.exp(reference.log_sigmoid(logits))
    np.testing.assert_allclose(outputs[2], TEXT + gate * projected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        gated(TEXT, KNOWLEDGE, MASK, return_weights=True)[1],
        np.where(MASK, gate.mean(axis=-1), 0.0),
        rtol=1e-4,
        atol=1e-6,
    )


def test_attention_agrees_with_numpy():
    layer = layers.AttentionFusion(dim=5)
    fused, weights = layer(TEXT, KNOWLEDGE, MASK, return_weights=True)
    none, query, key, value = (
        np.asarray(w)
        for w in (layer.none_key, layer.query.kernel, layer.key.kernel, layer.value.kernel)
    )
    q = TEXT @ query
    logits = np.concatenate(
        [np.einsum("bwd,bcd->bwc", q, KNOWLEDGE @ key), (q @ none)[..., None]], axis=-1
    ) / np.sqrt(5)
    mask = np.concatenate([MASK, np.ones((2, 1), bool)], axis=1)[:, None]
    expected = reference.softmax(np.where(mask, logits, -np.inf))
    np.testing.assert_allclose(weights, expected, rtol=1e-4, atol=1e-6)
    added = expected[..., :-1] @ (KNOWLEDGE @ value)
    np.testing.assert_allclose(fused, TEXT + added, rtol=1e-4, atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(order=st.permutations(range(4)))
def test_attention_does_not_care_for_the_order_of_candidates(order):
    keras.utils.set_random_seed(3)
    layer = layers.AttentionFusion()
    order = list(order)
    np.testing.assert_allclose(
        layer(TEXT, KNOWLEDGE[:, order], MASK[:, order]),
        layer(TEXT, KNOWLEDGE, MASK),
        rtol=1e-4,
        atol=1e-5,
    )
