import keras
import numpy as np
import pytest

from kgkeras import layers
from tests.layer_check import check_layer

IDS = np.array([[0, 4, -1], [2, 2, 1]], "int32")


@pytest.mark.parametrize("kind", [layers.EntityEmbedding, layers.RelationEmbedding])
def test_contract(kind):
    layer = kind(5, 3)
    vectors = check_layer(layer, (IDS,), expected_shape=(2, 3, 3), num_weights=1)
    table = layer.get_weights()[0]
    np.testing.assert_array_equal(vectors[0, 1], table[4])
    np.testing.assert_array_equal(vectors[0, 2], np.zeros(3))
    assert table.shape == (5, 3)  # no reserved rows


def test_initial_matrix_and_freezing():
    matrix = np.arange(15.0, dtype="float32").reshape(5, 3)
    layer = layers.EntityEmbedding(5, 3, initial_matrix=matrix, trainable=False)
    np.testing.assert_array_equal(layer(IDS)[1], matrix[[2, 2, 1]])
    assert not layer.trainable_weights
    assert layer.get_config()["trainable"] is False


def test_initial_matrix_of_a_layer_that_is_built_inside_fit():
    class Lazy(keras.Model):
        def __init__(self):
            super().__init__()
            self.table = layers.EntityEmbedding(4, 2, initial_matrix=np.full((4, 2), 7.0))

        def call(self, ids):
            return keras.ops.sum(self.table(ids), axis=-1)

    model = Lazy()
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.fit(np.array([0, 1]), np.array([0.0, 0.0]), verbose=0)
    np.testing.assert_array_equal(model.table.get_weights()[0], np.full((4, 2), 7.0))


def test_dropout_only_while_training():
    layer = layers.EntityEmbedding(5, 64, dropout=0.5, initializer="ones")
    np.testing.assert_array_equal(layer(IDS)[1], np.ones((3, 64)))
    dropped = np.asarray(layer(IDS, training=True))[1]
    assert 0.3 < np.mean(dropped == 0) < 0.7


def test_mixed_precision_keeps_the_table_in_float32():
    layer = layers.EntityEmbedding(5, 3, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(layer(IDS).dtype) == "bfloat16"
    assert layer.table.dtype == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_entities": 0, "dim": 3}, "`num_entities` must be a positive integer. Received: 0"),
        ({"num_entities": 2, "dim": True}, "`dim` must be a positive integer"),
        ({"num_entities": 2, "dim": 3, "dropout": 1.0}, r"`dropout` must be a rate in \[0, 1\)"),
        (
            {"num_entities": 2, "dim": 3, "initial_matrix": np.zeros((3, 2))},
            r"`initial_matrix` must have the shape \(2, 3\). Received: shape \(3, 2\)",
        ),
        (
            {"num_entities": 2, "dim": 2, "initial_matrix": [[0, 1], [np.nan, 1]]},
            "`initial_matrix` must hold finite numbers. Received: nan in row 1, column 0",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.EntityEmbedding(**arguments)


def test_id_out_of_range():
    with pytest.raises(ValueError, match=r"`entity ids` must be below 5.*Received: 5"):
        layers.EntityEmbedding(5, 3)(np.array([5]))
    with pytest.raises(ValueError, match="`relation ids` must be below 5"):
        layers.RelationEmbedding(5, 3)(np.array([5]))


def test_triple_embedding_shares_one_entity_table():
    layer = layers.TripleEmbedding.from_sizes(5, 2, dim=3, relation_dim=4)
    head, relation, tail = layer(np.array([1]), np.array([0]), np.array([1]))
    np.testing.assert_array_equal(head, tail)
    assert relation.shape == (1, 4)
    assert len(layer.trainable_weights) == 2
    again = layers.TripleEmbedding.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_triple_embedding_in_the_functional_api(tmp_path):
    ids = [keras.Input((), dtype="int32") for _ in range(3)]
    vectors = layers.TripleEmbedding.from_sizes(5, 2, dim=3)(*ids)
    model = keras.Model(ids, keras.ops.sum(vectors[0] * vectors[1] * vectors[2], axis=-1))
    batch = [np.array([0, 4]), np.array([1, 0]), np.array([2, -1])]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(batch), model(batch))
    assert again(batch)[1] == 0


def test_triple_embedding_wants_its_layers():
    with pytest.raises(ValueError, match="`entities` must be a EntityEmbedding layer"):
        layers.TripleEmbedding(keras.layers.Embedding(3, 2), layers.RelationEmbedding(3, 2))
