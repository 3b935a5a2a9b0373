import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import ops as kg_ops
from kgkeras.ops import row_gradients


@pytest.fixture
def table():
    return keras.Variable(np.arange(12.0, dtype="float32").reshape(4, 3))


def test_rows_and_zeros(table):
    rows = kg_ops.lookup(table, np.array([[2, -1], [0, -7]]))
    np.testing.assert_array_equal(rows, [[[6, 7, 8], [0, 0, 0]], [[0, 1, 2], [0, 0, 0]]])


def test_missing_rows_are_zero_even_where_the_table_is_not_a_number():
    table = keras.Variable(np.full((2, 2), np.nan))
    np.testing.assert_array_equal(kg_ops.lookup(table, np.array([-1])), np.zeros((1, 2)))


def test_gradient_has_each_row_once(table):
    ids = tf.constant([1, 1, -1, 3, 1])
    weights = tf.constant([1.0, 10.0, 100.0, 1000.0, 10000.0])[:, None]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(kg_ops.lookup(table, ids) * weights)
    gradient = tape.gradient(loss, table.value)
    assert isinstance(gradient, tf.Tensor)  # not slices that an optimizer would square one by one
    expected = np.zeros((4, 3))
    expected[1], expected[3] = 10011.0, 1000.0
    np.testing.assert_array_equal(gradient, expected)


@pytest.mark.parametrize("make", [keras.optimizers.Adam, keras.optimizers.Adagrad])
def test_adaptive_optimizers_move_repeated_rows_as_dense_ones(make):
    ids = np.array([1, 1, 1, 2])

    def train(forward):
        table = keras.Variable(np.zeros((4, 2), "float32"), name="table")
        optimizer = make(0.1)
        for _ in range(3):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(forward(table) * [[1.0], [2.0], [3.0], [4.0]])
            optimizer.apply([tape.gradient(loss, table.value)], [table])
        return np.asarray(table)

    dense = train(lambda table: tf.matmul(tf.one_hot(ids, 4), table.value))
    looked_up = train(lambda table: kg_ops.lookup(table, ids))
    np.testing.assert_allclose(looked_up, dense, rtol=1e-6)


def test_id_out_of_range_names_value_and_place(table):
    with pytest.raises(
        ValueError, match=r"`heads` must be below 4.*Received: 9 at position \(1,\)"
    ):
        kg_ops.lookup(table, np.array([0, 9]), name="heads")


def test_id_out_of_range_in_a_graph(table):
    function = tf.function(lambda ids: kg_ops.lookup(table, ids))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"9 is not in \[0, 4\)"):
        function(tf.constant([0, 9]))


def test_float_ids(table):
    with pytest.raises(ValueError, match=r"must hold integers\. Received: dtype float32"):
        kg_ops.lookup(table, np.array([0.0], "float32"))


def test_a_step_never_reads_the_whole_table(table):
    @tf.function
    def gradient(ids):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(kg_ops.lookup(table, ids) ** 2)
        return tape.gradient(loss, table.value)

    operations = gradient.get_concrete_function(tf.constant([1, 1])).graph.get_operations()
    kinds = {operation.type for operation in operations}
    assert "ResourceGather" in kinds
    assert "ReadVariableOp" not in kinds


def _gradient(table, between=lambda: None, ids=(1, 1, 3)):
    """The gradient of a lookup, with something done between the forward and the backward pass."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(kg_ops.lookup(table, np.array(ids)) ** 2)
        between()
    return tape.gradient(loss, table.value)


def test_rows_stay_apart_for_an_optimizer_that_wants_them(table):
    gradient = _gradient(table, lambda: row_gradients.expect_rows(lambda variable: True))
    row_gradients.stop_expecting()
    np.testing.assert_array_equal(gradient.indices, [1, 1, 3])
    np.testing.assert_array_equal(tf.convert_to_tensor(gradient), _gradient(table))


def test_rows_are_summed_for_all_others(table):
    other = keras.Variable(np.zeros((4, 3)))
    row_gradients.expect_rows(lambda variable: True)
    # A step that was interrupted before its optimizer was applied.
    assert isinstance(_gradient(table), tf.Tensor)
    # The optimizer of another model.
    of_other = _gradient(table, lambda: row_gradients.expect_rows(lambda v: v is other))
    assert isinstance(of_other, tf.Tensor)
    row_gradients.stop_expecting()

    def over():
        row_gradients.expect_rows(lambda variable: True)
        row_gradients.stop_expecting()

    assert isinstance(_gradient(table, over), tf.Tensor)


def test_gradient_of_a_tensor_is_dense():
    values = tf.reshape(tf.range(12.0), (4, 3))
    with tf.GradientTape() as tape:
        tape.watch(values)
        loss = tf.reduce_sum(kg_ops.lookup(values, np.array([1, 1, -1])))
        row_gradients.expect_rows(lambda variable: True)
    gradient = tape.gradient(loss, values)
    row_gradients.stop_expecting()
    np.testing.assert_array_equal(gradient, [[0] * 3, [2] * 3, [0] * 3, [0] * 3])


def test_a_table_that_is_also_used_whole(table):
    ids, whole = np.array([2, 2]), np.ones((4, 3), "float32")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(kg_ops.lookup(table, ids)) + tf.reduce_sum(table.value * whole)
        row_gradients.expect_rows(lambda variable: True)
    gradient = tape.gradient(loss, table.value)
    row_gradients.stop_expecting()
    np.testing.assert_array_equal(tf.convert_to_tensor(gradient)[:, 0], [1, 1, 3, 1])


def test_xla_gives_the_same_rows_and_gradient(table):
    def step(ids):
        with tf.GradientTape() as tape:
            rows = kg_ops.lookup(table, ids)
            loss = tf.reduce_sum(rows**2)
        return rows, tape.gradient(loss, table.value)

    ids = tf.constant([[1, -1], [1, 3]])
    for compiled, plain in zip(tf.function(step, jit_compile=True)(ids), step(ids), strict=True):
        np.testing.assert_array_equal(compiled, plain)


def test_frozen_tables_have_no_gradient():
    table = keras.Variable(np.ones((4, 3), "float32"), trainable=False)
    assert _gradient(table) is None
