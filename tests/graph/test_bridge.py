"""TF-GNN beside Keras 3, in processes of their own, as an import happens once."""

import concurrent.futures

import keras
import pytest
import tensorflow as tf

from kgkeras.graph import bridge
from tests.processes import output

CHECK = """
import os, sys, keras, tensorflow as tf
from kgkeras.graph import bridge

assert tf.keras.layers.Layer is keras.layers.Layer, tf.keras
assert type(tf.keras).__name__ == "module" and tf.keras.__version__ == keras.__version__
assert tfgnn is sys.modules["tensorflow_gnn"] is bridge.tensorflow_gnn()
assert "TF_USE_LEGACY_KERAS" not in os.environ

edges = tfgnn.EdgeSet.from_fields(
    sizes=tf.constant([3]),
    adjacency=tfgnn.Adjacency.from_indices(
        ("entity", tf.constant([0, 1, 2])), ("entity", tf.constant([1, 2, 2]))
    ),
)
graph = tfgnn.GraphTensor.from_pieces(
    node_sets={"entity": tfgnn.NodeSet.from_fields(sizes=tf.constant([4]))},
    edge_sets={"fact": edges},
)
states = tf.constant([[1.0], [2.0], [4.0], [8.0]])
sent = tfgnn.broadcast_node_to_edges(graph, "fact", tfgnn.SOURCE, feature_value=states)
received = tfgnn.pool_edges_to_node(graph, "fact", tfgnn.TARGET, "sum", feature_value=sent)
assert received.numpy().ravel().tolist() == [0, 1, 6, 0], received

inputs = keras.Input((2,))
model = keras.Model(inputs, tf.keras.layers.Dense(1)(inputs))
model.compile("sgd", "mse")
model.fit(tf.ones([4, 2]), tf.ones([4, 1]), verbose=0)
print("works")
"""


THREADS = """
import concurrent.futures, sys, threading
import keras, tensorflow as tf
from kgkeras.graph import bridge

# The first import fails, and leaves nothing behind.
sys.modules["tensorflow_gnn"] = None
try:
    bridge.tensorflow_gnn()
except ImportError:
    assert tf.keras.layers.Layer is keras.layers.Layer
    del sys.modules["tensorflow_gnn"]
else:
    raise AssertionError

start, done = threading.Barrier(4), threading.Event()

def load():
    start.wait()
    return bridge.tensorflow_gnn()

def watch():
    start.wait()
    looks = 0
    while not done.is_set():
        assert tf.keras.layers.Layer is keras.layers.Layer
        looks += 1
    return looks

with concurrent.futures.ThreadPoolExecutor(4) as pool:
    watcher = pool.submit(watch)
    loads = [pool.submit(load) for _ in range(3)]
    concurrent.futures.wait(loads)
    done.set()
    tfgnn, *others = [each.result() for each in loads]
    assert all(other is tfgnn for other in others)
    assert watcher.result() > 100
"""
TFGNN_FIRST = """
import sys
import kgkeras.graph
assert not {"tensorflow_gnn", "tf_keras", "apache_beam"} & set(sys.modules)
tfgnn = kgkeras.graph.tensorflow_gnn()
"""


@pytest.mark.parametrize("imports", [THREADS, TFGNN_FIRST], ids=["keras_first", "tfgnn_first"])
def test_tfgnn_works_beside_keras_3(imports):
    assert output(imports + CHECK, PYTHONWARNINGS="error") == "works"


def test_keras_2_is_seen_inside_only():
    with bridge.keras_2(), bridge.keras_2():
        assert tf.keras.Model.__module__.startswith("tf_keras")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: tf.keras.layers.Layer).result() is keras.layers.Layer
    assert tf.keras.layers.Layer is keras.layers.Layer
