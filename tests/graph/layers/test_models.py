"""Graph layers in a stock `keras.Model`: saved, trained on two replicas, exported."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras.export import Endpoint, write_saved_model
from tests.graph.layers import models
from tests.processes import one_and_two

_TRAIN = """
import json, sys
import keras, numpy as np, tensorflow as tf
from kgkeras import training
from tests.graph.layers import models

devices = int(sys.argv[1])
strategy = training.make_strategy(devices)
training.set_seed(3)
with strategy.scope():
    model = models.model()
    model.compile(keras.optimizers.Adam(0.01), loss={"score": "mse"}, jit_compile=False)
inputs = models.batch(8)
labels = {"score": np.linspace(-1, 1, 8, dtype="float32")[:, None]}
data = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(8)
first = [np.array(weight) for weight in model.trainable_weights]
log = model.fit(data, epochs=2, shuffle=False, verbose=0).history
moved = [bool(np.any(old != weight)) for old, weight in zip(first, model.trainable_weights)]
still = [w.path for w, m in zip(model.trainable_weights, moved) if not m]
sums = [float(abs(np.array(weight)).sum()) for weight in model.weights]
replicas = getattr(strategy, "num_replicas_in_sync", 1)
print(json.dumps({"loss": log["loss"], "sums": sums, "still": still, "replicas": replicas}))
"""


def test_saved_and_loaded(tmp_path):
    model, inputs = models.model(), models.batch(5)
    wanted = model(inputs)
    assert wanted["score"].shape == (5, 1)
    assert wanted["attention"].shape == (5, 10, 2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for name, values in loaded(inputs).items():
        np.testing.assert_array_equal(values, wanted[name])
    # A graph answers the same alone, without the others and without its padding.
    for row in range(1, 5):
        nodes, edges = ((inputs[key][row] >= 0).sum() for key in ("entity", "source"))
        widths = {"entity": nodes, "source": edges, "target": edges, "relation": edges}
        alone = {name: inputs[name][row : row + 1, :width] for name, width in widths.items()}
        score = loaded(alone)["score"][0]
        np.testing.assert_allclose(score, wanted["score"][row], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_two_replicas_train_as_one():
    one, two = one_and_two(_TRAIN)
    assert (one.pop("replicas"), two.pop("replicas")) == (1, 2)
    # Only the relations' update, which nothing reads here, is not trained.
    assert all("relation_kernel" in path for path in one["still"])
    assert one.pop("still") == two.pop("still")
    assert one["loss"][1] < one["loss"][0]
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, err_msg=name)


@pytest.mark.slow
def test_exported(tmp_path, run_in_clean_process):
    model = models.model()
    names = ("entity", "source", "target", "relation")

    def serve(*tensors):
        return model(dict(zip(names, tensors, strict=True)))

    specs = tuple(tf.TensorSpec((None, None), "int32", name=name) for name in names)
    folder = write_saved_model(tmp_path / "graph", [Endpoint("serve", serve, specs)])
    for rows, edges in ((4, 10), (1, 3)):
        inputs = models.batch(rows, seed=rows, num_edges=edges)
        wanted = model(inputs)
        request = {name: ids.tolist() for name, ids in inputs.items()}
        found = run_in_clean_process(folder, "serve", request)
        for name, values in wanted.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-5)
