import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras.text import LSTMEncoder, TransformerEncoder

# Keras, when it writes a file, asks NumPy for an array in the way of NumPy 1.
keras_writes = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture(params=["lstm", "transformer"])
def encoder(request):
    if request.param == "lstm":
        return LSTMEncoder(vocabulary_size=20, dim=6, num_layers=2, dropout=0.1)
    return TransformerEncoder(20, dim=6, num_layers=2, num_heads=2, max_length=12, dropout=0.1)


def inputs(*lengths, width=None):
    width = width or max(lengths)
    ids = np.random.default_rng(0).integers(0, 20, (len(lengths), 12))[:, :width]
    return {"token_ids": ids, "padding_mask": np.arange(width) < np.array(lengths)[:, None]}


def test_shape_and_zeros_at_padding(encoder):
    out = np.asarray(encoder(inputs(5, 2, 0)))
    assert out.shape == (3, 5, 6)
    assert encoder.dim == 6
    assert encoder.output_shape == (None, None, 6)
    assert np.all(out[1, 2:] == 0)
    assert np.all(out[2] == 0)
    assert np.all(np.any(out[0] != 0, axis=-1))


def test_padding_changes_nothing(encoder):
    short, long = inputs(4, 3), inputs(4, 3, width=11)
    np.testing.assert_allclose(encoder(short), encoder(long)[:, :4], atol=1e-6)
    long["token_ids"][~long["padding_mask"]] = 19
    np.testing.assert_allclose(encoder(short), encoder(long)[:, :4], atol=1e-6)


def test_every_token_sees_every_other(encoder):
    one, other = inputs(6), inputs(6)
    for position in (0, 5):
        other["token_ids"] = one["token_ids"].copy()
        other["token_ids"][0, position] += 1
        change = np.abs(np.asarray(encoder(one)) - np.asarray(encoder(other)))
        assert np.all(change.max(axis=-1) > 0)


def test_order_matters(encoder):
    one = inputs(6)
    turned = {**one, "token_ids": one["token_ids"][:, ::-1]}
    assert np.abs(np.asarray(encoder(one)) - np.asarray(encoder(turned))[:, ::-1]).max() > 1e-6


@keras_writes
def test_saves_and_loads(encoder, tmp_path):
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    assert type(loaded) is type(encoder)
    assert loaded.get_config() == encoder.get_config()
    np.testing.assert_array_equal(loaded(inputs(5, 2)), encoder(inputs(5, 2)))


@keras_writes
def test_part_of_a_larger_model(encoder, tmp_path):
    ins = {
        "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
        "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
    }
    model = keras.Model(ins, keras.layers.Dense(2)(encoder(ins)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(inputs(5, 2)), model(inputs(5, 2)))


def test_learns_and_trains_every_weight(encoder):
    """The last token's parity at the first place, and the reverse: the encoder must carry both."""
    batch = inputs(*[6] * 60, 3, 0, 0, 0)
    label = (batch["token_ids"][:, ::-1] % 2)[..., None]
    weight = np.isin(np.arange(6), (0, 5)) & batch["padding_mask"]
    out = keras.layers.Dense(1, activation="sigmoid")(encoder.output)
    model = keras.Model(encoder.input, out)
    model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy", jit_compile=False)
    before = [weight.numpy() for weight in encoder.trainable_weights]
    history = model.fit(batch, label, sample_weight=weight, epochs=40, batch_size=64, verbose=0)
    losses = history.history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.4 * losses[0]
    for weight, old in zip(encoder.trainable_weights, before, strict=True):
        assert np.any(weight.numpy() != old), weight.path


def test_compiled_by_xla_it_is_the_same(encoder):
    batch = {name: tf.constant(value) for name, value in inputs(5, 2, 0).items()}
    compiled = tf.function(encoder, jit_compile=True)
    np.testing.assert_allclose(compiled(batch), encoder(batch), atol=1e-5)


def test_a_frozen_encoder_stays_frozen(encoder):
    encoder.trainable = False
    again = type(encoder).from_config(encoder.get_config())
    assert not again.trainable_weights
    assert again.weights


@pytest.mark.parametrize("kind", [LSTMEncoder, TransformerEncoder])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocabulary_size": 0}, "`vocabulary_size` must be a positive integer"),
        ({"dim": -4}, "`dim` must be a positive integer"),
        ({"dim": 7}, "`dim` must be (even|a multiple)"),
        ({"num_layers": 0}, "`num_layers` must be a positive integer"),
        ({"dropout": 1.0}, r"`dropout` must be a rate in \[0, 1\)"),
    ],
)
def test_refuses(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**{"vocabulary_size": 5, "dim": 8, **arguments})


def test_transformer_refuses():
    with pytest.raises(ValueError, match="Received: dim=8, num_heads=3"):
        TransformerEncoder(5, 8, num_heads=3)
    with pytest.raises(ValueError, match="`max_length` must be a positive integer"):
        TransformerEncoder(5, 8, max_length=0)


@keras_writes
@pytest.mark.parametrize("make", [LSTMEncoder, TransformerEncoder])
@pytest.mark.parametrize("given", [True, False])
def test_precision_is_kept(make, given, tmp_path):
    """Whether it was given or the one of the day, and whatever holds on the day of loading."""
    policy = "mixed_bfloat16"
    keras.config.set_dtype_policy("float32" if given else policy)
    try:
        encoder = make(20, 8, dtype=policy if given else None)
        encoder.save(tmp_path / "encoder.keras")
        keras.config.set_dtype_policy("float32")
        loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    for each in (encoder, loaded):
        assert each(inputs(5, 2)).dtype == "bfloat16"
        assert each.compute_dtype == "bfloat16"
        assert {weight.dtype for weight in each.weights} <= {"float32", "int64", "uint32"}
    np.testing.assert_array_equal(
        keras.ops.cast(loaded(inputs(5, 2)), "float32"),
        keras.ops.cast(encoder(inputs(5, 2)), "float32"),
    )
