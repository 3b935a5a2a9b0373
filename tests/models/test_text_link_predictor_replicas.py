"""Two replicas that share a batch learn what one learns of the whole."""

import numpy as np
import pytest

from tests.processes import one_and_two

_SCRIPT = """
import json, sys
from kgkeras import evaluation, losses, models, pipelines, training
from tests import lands

facts, found = lands.graph(), {}
with training.make_strategy(int(sys.argv[1])).scope():
    texts, told = lands.texts(facts), facts.with_inverses()
    for kind in ("alone", "taught"):
        training.set_seed(3)
        student = model = lands.model(queue_size=16, temperature=0.2)
        if kind == "taught":
            model = models.KnowledgeDistillation(student, lands.model())
        model.compile("adam", losses.CrossEntropyLoss())
        batches = pipelines.text_triple_batches(
            told, texts, batch_size=8, queue_size=16, both_directions=True
        )
        log = model.fit(batches, steps_per_epoch=4, epochs=2, verbose=0, shuffle=False).history
        test = model.evaluate(batches, steps=3, verbose=0, return_dict=True)
        index = student.index(texts, batch_size=7)
        weights = [float(abs(weight).sum()) for weight in model.get_weights()]
        found[kind] = [
            *sum(log.values(), []),
            *test.values(),
            *weights,
            *index.entity_vectors().ravel().tolist(),
            evaluation.rank(index, facts, facts).metrics()["mrr"],
        ]
print(json.dumps(found))
"""


@pytest.mark.slow
def test_one_replica_equals_two():
    one, two = one_and_two(_SCRIPT)
    for kind in one:
        np.testing.assert_allclose(two[kind], one[kind], rtol=1e-3, atol=1e-4, err_msg=kind)
