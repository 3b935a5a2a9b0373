"""Two replicas of the relation classifier see what one sees, in processes of their own."""

import numpy as np
import pytest

from tests.processes import one_and_two

_SCRIPT = """
import json, sys
from kgkeras import layers, training
from tests import marked, toy

training.set_seed(3)
facts = toy.graph()
inputs, labels = marked.sentences(facts, 128)
with training.make_strategy(int(sys.argv[1])).scope():
    model = marked.classifier(layers.GatedFusion())
log = toy.fit(model, facts, inputs, labels, 3, validation_data=(inputs, labels))
log["weights"] = [float(abs(w).sum()) for w in model.get_weights()]
print(json.dumps(log))
"""


@pytest.mark.slow
def test_one_replica_equals_two():
    one, two = one_and_two(_SCRIPT)
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=2e-4, err_msg=name)
