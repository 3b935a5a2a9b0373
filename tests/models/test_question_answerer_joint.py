"""Questions about a graph that misses facts: walks along supposed ones, L = L_QA + w * L_KG."""

import keras
import numpy as np
import pytest

from kgkeras import graph, kg, layers, models, pipelines, scorers
from tests import questions, toy


@pytest.fixture(scope="module")
def world():
    """The toy graph, a part of its facts, and questions that the whole graph answers."""
    whole = toy.graph()
    kept = np.random.default_rng(3).random(whole.num_triples) < 0.6
    inputs, labels = questions.encoded(questions.facts())
    return whole, whole.with_triples(whole.triples[kept]), inputs, labels


def _paths(inputs):
    first, second = inputs["token_ids"][:, 3], inputs["token_ids"][:, 4] - 10
    return np.stack([first, np.maximum(second, -1)], axis=1)


def _model(known, supposed=None, kg_weight=0.5):
    keras.utils.set_random_seed(5)
    index = graph.FactIndex.from_graph(known.with_inverses(), name="facts")
    walk = graph.RelationWalk(index, 2, k=questions.K, supposed=supposed, name="walk")
    answerer = models.QuestionAnswerer(
        toy.encoder(), walk, mention_id=questions.MENTION, kg_weight=kg_weight
    )
    answerer.compile(keras.optimizers.Adam(2e-2))
    return answerer


def _supposed(known, inputs, labels):
    facts, votes = kg.explanations(known, inputs["entity_ids"][:, 1], _paths(inputs), labels)
    triples = layers.TripleEmbedding.from_sizes(known.num_entities, known.num_relations, 8)
    return graph.SupposedFacts.from_graph(
        known.with_triples(facts), triples, scorers.DistMult(), votes, name="supposed"
    )


def _fit(model, known, inputs, labels, epochs=8):
    batches = pipelines.joint_batches(
        inputs, labels, known, batch_size=32, triples_per_text=4, num_negatives=8
    )
    steps = pipelines.steps_per_epoch(len(labels), 32)
    return model.fit(batches, steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=0)


@pytest.mark.slow
def test_answers_what_told_facts_do_not_reach(world, tmp_path):
    _, known, inputs, labels = world
    learn = np.arange(len(labels)) % 4 > 0
    told, asked = (questions.rows(inputs, rows) for rows in (learn, ~learn))
    alone = _model(known)
    _fit(alone, known, told, labels[learn])
    joint = _model(known, _supposed(known, told, labels[learn]))
    history = _fit(joint, known, told, labels[learn]).history
    assert {"loss", "task_loss", "kg_loss", "kg_weight", "hits@1"} == set(history)
    assert history["kg_loss"][-1] < history["kg_loss"][0]
    hits = [
        model.evaluate(asked, labels[~learn], verbose=0, return_dict=True)["hits@1"]
        for model in (alone, joint)
    ]
    assert hits[1] > hits[0] + 0.1
    expected = joint.predict(asked, verbose=0)
    joint.save(tmp_path / "joint.keras")
    again = keras.saving.load_model(tmp_path / "joint.keras").predict(asked, verbose=0)
    for name, values in expected.items():
        np.testing.assert_array_equal(again[name], values)


def test_without_triples_there_is_one_loss(world):
    _, known, inputs, labels = world
    model = _model(known, _supposed(known, inputs, labels))
    logs = model.evaluate(inputs, labels, verbose=0, return_dict=True)
    assert set(logs) == {"loss", "task_loss", "hits@1"}
    np.testing.assert_allclose(logs["loss"], logs["task_loss"], rtol=1e-5)


def test_weight_must_not_be_negative(world):
    with pytest.raises(ValueError, match="`kg_weight`"):
        _model(world[1], kg_weight=-1.0)
