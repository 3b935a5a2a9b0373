import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import layers
from kgkeras import ops as kg_ops
from kgkeras.optimizers import LazyAdam, SparseAdagrad

ROWS, DIM = 6, 3
IDS = st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=12)
STEPS = st.lists(IDS, min_size=1, max_size=4)
BOTH = pytest.mark.parametrize("make", [SparseAdagrad, LazyAdam])


def _start():
    return np.random.default_rng(0).normal(size=(ROWS, DIM)).astype("float32")


def _slopes(step, ids):
    return np.random.default_rng(step).normal(size=(len(ids), DIM)).astype("float32")


def _dense(ids, slopes):
    gradient = np.zeros((ROWS, DIM), "float32")
    np.add.at(gradient, ids, slopes)
    return gradient


def _train(optimizer, steps, *, sparse=True):
    """The table after one step per list of ids, through `scale_loss` and `apply` as in `fit`."""
    table = keras.Variable(_start(), name="table")
    for step, ids in enumerate(steps):
        slopes = _slopes(step, ids)
        if not sparse:
            optimizer.apply([tf.constant(_dense(ids, slopes))], [table])
            continue
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(kg_ops.lookup(table, np.array(ids)) * slopes)
            loss = optimizer.scale_loss(loss)
        gradient = tape.gradient(loss, table.value)
        assert isinstance(gradient, tf.IndexedSlices)
        optimizer.apply([gradient], [table])
    return np.asarray(table)


def _adagrad(steps, rate, initial, epsilon, row_wise):
    """In float64, and a loop over rows: no code in common with the optimizer."""
    table = _start().astype("float64")
    accumulators = np.full((ROWS, 1 if row_wise else DIM), initial)
    for step, ids in enumerate(steps):
        for row, slope in enumerate(_dense(ids, _slopes(step, ids)).astype("float64")):
            if row in ids:
                accumulators[row] += (slope**2).mean() if row_wise else slope**2
                table[row] -= rate * slope / np.sqrt(accumulators[row] + epsilon)
    return table


def _lazy_adam(steps, rate, beta_1, beta_2, epsilon):
    table = _start().astype("float64")
    first, second = np.zeros((2, ROWS, DIM))
    for step, ids in enumerate(steps, 1):
        for row, slope in enumerate(_dense(ids, _slopes(step - 1, ids)).astype("float64")):
            if row in ids:
                first[row] = beta_1 * first[row] + (1 - beta_1) * slope
                second[row] = beta_2 * second[row] + (1 - beta_2) * slope**2
                direction = first[row] / (np.sqrt(second[row]) + epsilon)
                correction = np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
                table[row] -= rate * correction * direction
    return table


@settings(deadline=None, max_examples=25)
@given(steps=STEPS, initial=st.sampled_from([0.0, 0.1]), row_wise=st.booleans())
def test_adagrad_agrees_with_the_reference(steps, initial, row_wise):
    optimizer = SparseAdagrad(0.3, initial, epsilon=1e-6, row_wise=row_wise)
    expected = _adagrad(steps, 0.3, initial, 1e-6, row_wise)
    np.testing.assert_allclose(_train(optimizer, steps), expected, rtol=2e-5, atol=1e-6)


@settings(deadline=None, max_examples=15)
@given(steps=STEPS)
def test_adagrad_agrees_with_keras_on_the_summed_gradient(steps):
    expected = _train(keras.optimizers.Adagrad(0.3, 0.1, 1e-6), steps, sparse=False)
    for sparse in (True, False):
        moved = _train(SparseAdagrad(0.3, 0.1, 1e-6), steps, sparse=sparse)
        np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(steps=STEPS)
def test_lazy_adam_agrees_with_the_reference(steps):
    optimizer = LazyAdam(0.1, 0.8, 0.95, epsilon=1e-5)
    expected = _lazy_adam(steps, 0.1, 0.8, 0.95, 1e-5)
    np.testing.assert_allclose(_train(optimizer, steps), expected, rtol=2e-5, atol=1e-6)


def test_lazy_adam_agrees_with_keras_where_every_row_is_looked_up():
    steps = [[*range(ROWS), 2, 2], [0, *range(ROWS)], [*range(ROWS)]]
    expected = _train(keras.optimizers.Adam(0.1), steps, sparse=False)
    for sparse in (True, False):
        moved = _train(LazyAdam(0.1), steps, sparse=sparse)
        np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-6)


def test_row_wise_accumulators_have_one_number_a_row():
    matrix, bias = keras.Variable(np.zeros((5, 3))), keras.Variable(np.zeros(5))
    optimizer = SparseAdagrad(0.1, row_wise=True)
    optimizer.build([matrix, bias])
    assert [tuple(v.shape) for v in optimizer.variables[2:]] == [(5, 1), (5,)]


@BOTH
def test_no_gradient_and_no_epsilon_is_no_step(make):
    for gradient in (np.zeros((2, 3)), tf.IndexedSlices(tf.zeros((2, 3)), [1, 1], [2, 3])):
        table = keras.Variable(np.ones((2, 3)))
        make(0.1, epsilon=0.0).apply([gradient], [table])
        np.testing.assert_array_equal(table, np.ones((2, 3)))


@BOTH
@pytest.mark.parametrize("option", [{"clipnorm": 0.5}, {"clipvalue": 0.2}, {"global_clipnorm": 1}])
def test_clipping_sees_summed_rows(make, option):
    steps = [[1, 1, 4], [*range(ROWS)] * 2]
    touched = [1, 4]  # LazyAdam leaves the others of the first step alone
    sparse, dense = (_train(make(0.1, **option), steps[:1], sparse=s) for s in (True, False))
    np.testing.assert_allclose(sparse[touched], dense[touched], rtol=1e-5)
    sparse, dense = (_train(make(0.1, **option), steps[1:], sparse=s) for s in (True, False))
    np.testing.assert_allclose(sparse, dense, rtol=1e-5)


def test_clipping_changes_the_step():
    one, other = (SparseAdagrad(0.1, 1.0, **option) for option in ({}, {"clipvalue": 0.01}))
    assert not np.allclose(_train(one, [[1]]), _train(other, [[1]]), atol=1e-3)


@BOTH
@pytest.mark.parametrize(
    "option",
    [
        {"weight_decay": 0.1},
        {"use_ema": True},
        {"loss_scale_factor": 2.0},
        {"gradient_accumulation_steps": 2},
    ],
)
def test_options_that_make_gradients_dense(make, option):
    with pytest.raises(ValueError, match=rf"does not support `{next(iter(option))}`: .*Received"):
        make(0.1, **option)


def test_bad_arguments():
    with pytest.raises(ValueError, match="`initial_accumulator_value` must be finite"):
        SparseAdagrad(0.1, initial_accumulator_value=-1.0)
    with pytest.raises(ValueError, match="`epsilon` must be finite and at least 0"):
        SparseAdagrad(0.1, epsilon=-1.0)
    with pytest.raises(ValueError, match="`epsilon` must be finite and at least 0"):
        LazyAdam(0.1, epsilon=-1.0)
    with pytest.raises(ValueError, match=r"`beta_1` must be a rate in \[0, 1\)"):
        LazyAdam(beta_1=1.0)
    with pytest.raises(ValueError, match=r"`beta_2` must be a rate in \[0, 1\)"):
        LazyAdam(beta_2=-0.1)
    with pytest.raises(ValueError, match="`multipliers` must be a dict"):
        LazyAdam(multipliers=3.0)


@BOTH
def test_multipliers(make):
    plain = _train(make(0.1), [[1, 1, 2]]) - _start()
    tripled = _train(make(0.1, multipliers={"tab": 3.0, "table": 9.0}), [[1, 1, 2]]) - _start()
    np.testing.assert_allclose(tripled, 3 * plain, rtol=1e-3, atol=1e-6)
    frozen = _train(make(0.1, multipliers={"table": 0.0}), [[1, 1, 2]])
    np.testing.assert_array_equal(frozen, _start())


def _model():
    ids = keras.Input((2,), dtype="int32")
    entities = layers.EntityEmbedding(ROWS, DIM, name="entities")
    hidden = keras.layers.Flatten()(entities(ids))
    model = keras.Model(ids, keras.layers.Dense(1, name="dense")(hidden))
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def _data():
    rng = np.random.default_rng(5)
    return rng.integers(0, ROWS, (16, 2)).astype("int32"), rng.normal(size=(16, 1))


def _fit(model, optimizer=None, epochs=2, **options):
    if optimizer is not None:
        model.compile(optimizer, "mse", **{"jit_compile": False, **options})
    model.fit(*_data(), batch_size=8, epochs=epochs, shuffle=False, verbose=0)
    return model.get_weights()


def _assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


@pytest.fixture
def updated(monkeypatch):
    """Shapes of the variables that were updated by rows."""
    shapes, update = [], SparseAdagrad.update_rows

    def spy(self, gradient, variable, *rest):
        shapes.append(tuple(variable.shape))
        update(self, gradient, variable, *rest)

    monkeypatch.setattr(SparseAdagrad, "update_rows", spy)
    return shapes


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_fit_updates_tables_by_rows_and_the_rest_densely(updated, run_eagerly):
    expected = _fit(_model(), keras.optimizers.Adagrad(0.1, 0.1, 1e-6))
    _assert_same(_fit(_model(), SparseAdagrad(0.1, 0.1, 1e-6), run_eagerly=run_eagerly), expected)
    assert set(updated) == {(ROWS, DIM)}


def test_another_optimizer_on_the_same_model_gets_dense_gradients(updated):
    first = SparseAdagrad(0.1)
    model, reference = _model(), _model()
    _fit(model, first)
    assert updated
    reference.set_weights(model.get_weights())
    ids = _data()[0]

    def dense_lookup(layer, ids, training=None):
        return tf.matmul(tf.one_hot(ids, ROWS), layer.table)

    reference.get_layer("entities").call = dense_lookup.__get__(reference.get_layer("entities"))
    np.testing.assert_allclose(reference(ids), model(ids), rtol=1e-5)
    # The row-wise optimizer is alive, and knows these variables.
    expected = _fit(reference, keras.optimizers.Adam(0.1))
    _assert_same(_fit(model, keras.optimizers.Adam(0.1)), expected)


def test_xla_updates_whole_tables_and_says_so(updated):
    expected = _fit(_model(), SparseAdagrad(0.1))
    updated.clear()
    with pytest.warns(UserWarning, match="SparseAdagrad updates whole tables under XLA.*jit_com"):
        compiled = _fit(_model(), SparseAdagrad(0.1), jit_compile=True)
    _assert_same(compiled, expected)
    assert not updated


@pytest.mark.parametrize(
    "optimizer", [SparseAdagrad(0.1, row_wise=True), LazyAdam(0.1, multipliers={"table": 2.0})]
)
def test_saved_and_loaded_it_goes_on_alike(optimizer, tmp_path):
    optimizer = type(optimizer).from_config(optimizer.get_config())
    model = _model()
    _fit(model, optimizer)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.get_config() == optimizer.get_config()
    _assert_same(_fit(loaded), _fit(model))


def test_schedule():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.0])
    once, twice = (_train(SparseAdagrad(schedule), [[1, 2]] * n) for n in (1, 2))
    np.testing.assert_array_equal(once, twice)
    assert not np.allclose(once, _start())


@BOTH
@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
@pytest.mark.parametrize("sparse", [True, False])
def test_tables_of_other_precisions(make, dtype, sparse):
    """Rows that have had no gradient stay; the others move as in float32."""
    single, other = (make(0.1) for _ in range(2))
    tables = [keras.Variable(_start(), dtype=dtype, name="table") for dtype in ("float32", dtype)]
    ids = np.array([1, 1, 4])
    for step in range(3):
        for optimizer, table in zip((single, other), tables, strict=True):
            slopes = tf.cast(_slopes(step, ids), table.dtype)
            gradient = tf.IndexedSlices(slopes, ids, tf.constant([ROWS, DIM]))
            if not sparse:
                gradient = tf.convert_to_tensor(gradient)
            optimizer.apply([gradient], [table])
    wanted, found = (np.asarray(keras.ops.cast(table, "float32")) for table in tables)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, wanted, atol=0.05 if dtype == "bfloat16" else 0.01)
    start = np.asarray(keras.ops.cast(keras.ops.cast(_start(), dtype), "float32"))
    np.testing.assert_array_equal(found[[0, 2, 3, 5]], start[[0, 2, 3, 5]])
    assert np.abs(found - start)[[1, 4]].min() > 0.005


def test_loss_scaling_makes_updates_dense_and_says_so():
    inputs = keras.Input((), dtype="int32")
    embedding = layers.EntityEmbedding(5, 2)
    model = keras.Model(inputs, embedding(inputs))
    model.compile(keras.optimizers.LossScaleOptimizer(LazyAdam()), "mse", jit_compile=False)
    with pytest.warns(UserWarning, match="LazyAdam updates whole tables.*mixed_bfloat16"):
        model.fit(np.arange(4), np.ones((4, 2)), verbose=0)
