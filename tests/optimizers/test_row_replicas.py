"""Row-wise updates of two replicas are those of one. Devices are fixed when TensorFlow starts."""

import numpy as np
import pytest

from tests.processes import one_and_two

_SCRIPT = """
import json, sys
import keras, numpy as np
from kgkeras import layers, optimizers, training

devices = int(sys.argv[1])
rng = np.random.default_rng(0)
ids, labels = rng.integers(0, 9, (32, 2)).astype("int32"), rng.normal(size=(32, 1))
with training.make_strategy(devices).scope():
    weights = {}
    for make in (optimizers.SparseAdagrad, optimizers.LazyAdam):
        by_rows, update = [], make.update_rows
        def spy(self, *arguments):
            by_rows.append(1)
            update(self, *arguments)
        make.update_rows = spy
        training.set_seed(3)
        heads = keras.Input((2,), dtype="int32")
        vectors = layers.EntityEmbedding(9, 4)(heads)
        model = keras.Model(heads, keras.layers.Dense(1)(keras.layers.Flatten()(vectors)))
        model.compile(make(0.1), "mse", jit_compile=False)
        model.fit(ids, labels, batch_size=16, epochs=3, shuffle=False, verbose=0)
        assert by_rows
        make.update_rows = update
        weights[make.__name__] = [w.tolist() for w in model.get_weights()]
print(json.dumps(weights))
"""


@pytest.mark.slow
def test_one_replica_equals_two():
    one, two = one_and_two(_SCRIPT)
    assert one.keys() == two.keys()
    for name in one:
        for a, b in zip(one[name], two[name], strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6, err_msg=name)
