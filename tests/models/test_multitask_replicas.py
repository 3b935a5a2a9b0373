"""Two replicas learn several tasks as one does, also where gradients are compared."""

import numpy as np
import pytest

from tests.processes import one_and_two

_SCRIPT = """
import json, sys
from kgkeras import layers, pipelines, training
from tests import tasks

devices, logs = int(sys.argv[1]), {}
weighings = {
    "fixed": layers.FixedWeights,
    "average": lambda: layers.DynamicWeightAverage(3),
    "gradnorm": layers.GradNorm,
    "pcgrad": layers.PCGrad,
}
for name, make in weighings.items():
    training.set_seed(3)
    with training.make_strategy(devices).scope():
        model = tasks.model("hard", ("truth", "graph"), make())
    streams = {task: tasks.streams()[task] for task in model.heads}
    rates = dict.fromkeys(streams, 1.0) if name in ("fixed", "pcgrad") else None
    log = model.fit(
        pipelines.mixed_batches(streams, rates, rows=2),
        steps_per_epoch=7,
        epochs=2,
        validation_data=pipelines.task_batches({t: s.take(1) for t, s in streams.items()}),
        verbose=0,
        shuffle=False,
    ).history
    log["weights"] = [float(abs(w).sum()) for w in model.get_weights()]
    logs |= {f"{name} {key}": value for key, value in log.items()}
print(json.dumps(logs))
"""


@pytest.mark.slow
def test_one_replica_equals_two():
    one, two = one_and_two(_SCRIPT)
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=3e-4, atol=1e-5, err_msg=name)
