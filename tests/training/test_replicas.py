"""Two replicas see what one sees. Devices are fixed when TensorFlow starts: own processes."""

import numpy as np
import pytest

from tests.processes import one_and_two

_SCRIPT = """
import json, sys
import keras
from kgkeras import layers, training
from tests import toy

devices = int(sys.argv[1])
training.set_seed(3)
facts = toy.graph()
inputs, labels = toy.claims(facts, 128)
with training.make_strategy(devices).scope():
    text_only = toy.model()
toy.fit(text_only, None, inputs, labels, 1)  # a second model in one process
training.set_seed(3)
with training.make_strategy(devices).scope():
    model = toy.model(layers.GatedFusion())
run = training.TrainingRun(sys.argv[2] + sys.argv[1], {}, monitor="val_accuracy")
arguments = {"validation_data": (inputs, labels), "callbacks": run.callbacks()}
toy.fit(model, facts, inputs, labels, 2, **arguments)
with training.make_strategy(devices).scope():
    model = toy.model(layers.GatedFusion())
run = training.TrainingRun(sys.argv[2] + sys.argv[1], {}, monitor="val_accuracy")
first_epoch = run.restore(model)
assert first_epoch == 2
arguments["callbacks"] = run.callbacks()
log = toy.fit(model, facts, inputs, labels, 4, first_epoch=first_epoch, **arguments)
log["weights"] = [float(abs(w).sum()) for w in model.get_weights()]
print(json.dumps(log))
"""


@pytest.mark.slow
def test_one_replica_equals_two(tmp_path):
    one, two = one_and_two(_SCRIPT, tmp_path)
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=2e-4, err_msg=name)


def test_too_late_to_split_the_cpu():
    import tensorflow as tf

    from kgkeras import training

    tf.constant(1)
    with pytest.raises(RuntimeError, match="Call `make_strategy` before anything else"):
        training.make_strategy(64)
    with pytest.raises(ValueError, match="`devices` must be a positive integer"):
        training.make_strategy(0)
