import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import ops as kg_ops


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
