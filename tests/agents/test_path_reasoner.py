"""A model that answers by walking: its search, its files, its training."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import agents, evaluation, layers, models, pipelines, scorers
from tests import toy
from tests.agents import worlds
from tests.processes import one_and_two, output


@pytest.fixture(scope="module")
def world():
    return worlds.families()


def histories():
    return {"lstm": agents.LSTMHistory(12, 2), "transformer": agents.TransformerHistory(12, 2, 2)}


def enumerated(model, head, relation):
    """The probability to come to each entity, walk by walk."""
    environment, total = model.environment, np.zeros(model.num_entities)
    query = model.queries.vectors({"relation": tf.constant([relation])}, model.policy)

    def go(state, position, probability, steps):
        if not steps:
            total[position] += probability
            return
        actions = environment(tf.constant([position]))
        chances = tf.nn.softmax(model.policy.scores(state, actions))[0].numpy()
        for place in np.flatnonzero(actions[2][0].numpy()):
            step = [tf.constant([int(ids[0, place])]) for ids in actions[:2]]
            after = model.policy.go(state, *step)
            go(after, int(step[1][0]), probability * chances[place], steps - 1)

    start = model.policy.begin(tf.constant([head]), query, environment.start)
    go(start, head, 1.0, model.steps)
    return total


@pytest.mark.parametrize("kind", histories())
def test_scores_are_those_of_all_walks(world, kind):
    model = worlds.reasoner(world[0], history=histories()[kind])
    head, relation = np.array([0, 7, 3], "int32"), np.array([2, 5, 1], "int32")
    scores = model.score_tails(head, relation).numpy()
    assert scores.shape == (3, model.num_entities)
    for row in range(3):
        wanted = enumerated(model, int(head[row]), int(relation[row]))
        np.testing.assert_allclose(np.exp(scores[row]), wanted, atol=1e-5)
    some = model.score_tails(head, relation, np.array([4, 1]))
    np.testing.assert_array_equal(some, scores[:, [4, 1]])
    heads = model.score_heads(None, relation, head)
    np.testing.assert_allclose(heads, model.score_tails(head, (relation + 4) % 8), atol=1e-6)


def test_a_narrow_beam_is_part_of_the_whole(world):
    wide = worlds.reasoner(world[0], steps=3)
    narrow = worlds.reasoner(world[0], steps=3, beam=2)
    for ours, theirs in zip(narrow.weights, wide.weights, strict=True):
        ours.assign(theirs)
    asked = worlds.queries(world[2])
    assert np.all(narrow.scores(asked) <= wide.scores(asked) + 1e-5)
    best, other = narrow.search(asked).best(1), wide.search(asked).best(1)
    assert np.all(best[2] <= other[2] + 1e-5)


def test_the_best_walks_are_walks(world):
    model = worlds.reasoner(world[0], steps=3)
    relations, entities, log_probs = (
        x.numpy() for x in model.search(worlds.queries(world[2])).best(9)
    )
    assert (np.diff(log_probs, axis=1) <= 1e-6).all()
    for row, place in np.ndindex(log_probs.shape):
        assert entities[row, place, 0] == world[2][row, 0]
        way = zip(
            itertools.pairwise(entities[row, place].tolist()),
            relations[row, place].tolist(),
            strict=True,
        )
        for (here, there), relation in way:
            assert (relation, there) in worlds.edges(world[0], here)


def test_what_is_asked_is_never_followed(world):
    graph, told, _ = world
    model = worlds.reasoner(graph, walks=300)
    learner = model.learner
    walk = model.walk(worlds.queries(told), learner.choose, walks=300, training=True)
    relations, entities = walk.relations.numpy(), walk.entities.numpy()
    seen = set()
    for row, (head, relation, tail) in enumerate(np.repeat(told, 300, axis=0).tolist()):
        steps = zip(
            itertools.pairwise(entities[row].tolist()), relations[row].tolist(), strict=True
        )
        steps = [(*pair, way) for pair, way in steps]
        assert (head, tail, relation) not in steps
        assert (tail, head, relation + graph.num_relations) not in steps
        seen.update(steps)
    assert len(seen) > 50


def test_rewards(world):
    graph, told, _ = world
    triples = np.concatenate([told, [[told[0, 0], worlds.GRAND, told[1, 2]]]]).astype("int32")
    graph = graph.with_triples(np.concatenate([graph.triples, triples[-1:]]))
    shaping = models.LinkPredictor.from_graph(graph, scorers.DistMult(), dim=4)
    model = worlds.reasoner(graph, walks=200, shaping=shaping)
    assert not set(map(id, shaping.weights)) & set(map(id, model.weights))
    walk = model.walk(worlds.queries(triples), model.learner.choose, walks=200, training=False)
    reward, counts = (x.numpy() for x in model.rewards(walk))
    known = set(map(tuple, graph.triples.tolist()))
    odds = shaping.score_tails(triples[:, 0], triples[:, 1]).numpy()
    for row, (head, relation, _) in enumerate(triples.tolist()):
        new = [e for e in range(graph.num_entities) if (head, relation, e) not in known]
        odds[row] = np.exp(odds[row] - odds[row, new].max())
    for row, end in enumerate(walk.end.numpy().tolist()):
        head, relation, tail = triples[row // 200].tolist()
        assert counts[row] == (end == tail or (head, relation, end) not in known)
        if counts[row]:
            wanted = 1 if end == tail else odds[row // 200, end]
            assert reward[row] == pytest.approx(wanted, rel=1e-4)
    assert 0 < counts.mean() < 1


@pytest.mark.slow
def test_ranks_saves_and_reloads(world, tmp_path):
    graph, _, asked = world
    model = worlds.reasoner(graph, agents.ActorCritic(8), history=agents.TransformerHistory(12, 2))
    model.compile("adam")
    batches = pipelines.one_vs_all_batches(graph.with_inverses(), batch_size=8)
    model.fit(batches, steps_per_epoch=2, verbose=0, shuffle=False)
    ranks = evaluation.rank(model, asked, graph.triples).metrics()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert evaluation.rank(loaded, asked, graph.triples).metrics() == ranks
    np.testing.assert_allclose(
        loaded(worlds.queries(asked)), model(worlds.queries(asked)), atol=1e-6
    )
    for name in ("steps", "walks", "beam"):
        assert getattr(loaded, name) == getattr(model, name)
    # The optimizer goes on where it was.
    loaded.fit(batches, steps_per_epoch=1, verbose=0, shuffle=False)
    assert int(loaded.optimizer.iterations) == 3


_REPLICAS = """
import keras
from kgkeras import training
strategy = training.make_strategy(2)
import tensorflow as tf
from kgkeras import agents
from tests.agents import test_learning, worlds
graph, told, asked = worlds.families()
for kind, make in test_learning.LEARNERS.items():
    training.set_seed(1)
    with strategy.scope():
        model = worlds.reasoner(graph, make(), walks=16, reads_entities=False)
        model.compile(keras.optimizers.Adam(0.02))
    rows = tf.data.Dataset.from_tensor_slices(worlds.queries(told)).repeat()
    batches = rows.batch(4, drop_remainder=True)
    model.fit(batches, steps_per_epoch=100, verbose=0, shuffle=False)
    ends = model.search(worlds.queries(asked)).best(1)[1][:, 0, -1]
    assert ends.numpy().tolist() == asked[:, 2].tolist(), (kind, ends, asked)
print("learned")
"""


_EQUAL = """
import json, sys
import keras, tensorflow as tf
from kgkeras import agents, training
from tests.agents import worlds

class Greedy(agents.Reinforce):
    def choose(self, step, scores):
        return tf.argmax(scores, axis=1, output_type=tf.int32), scores

graph, told, _ = worlds.families()
training.set_seed(1)
with training.make_strategy(int(sys.argv[1])).scope():
    model = worlds.reasoner(graph, Greedy(None), walks=1)
    model.compile(keras.optimizers.SGD(0.5))
rows = tf.data.Dataset.from_tensor_slices(worlds.queries(told)).repeat()
batches = rows.batch(4, drop_remainder=True)
log = model.fit(batches, steps_per_epoch=3, epochs=2, verbose=0, shuffle=False).history
log["weights"] = [float(abs(w).sum()) for w in model.policy.get_weights()]
print(json.dumps(log))
"""


@pytest.mark.slow
def test_one_replica_equals_two():
    one, two = one_and_two(_EQUAL)
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, rtol=1e-4, err_msg=name)


@pytest.mark.slow
def test_replicas_learn_together():
    assert output(_REPLICAS).endswith("learned")


def test_wrong_parts(world):
    graph = world[0]
    environment = agents.GraphEnvironment.from_graph(graph)
    relations = layers.RelationEmbedding(9, 4)
    policy = agents.WalkPolicy(relations, agents.LSTMHistory(4), 4)
    queries = agents.RelationQueries()
    with pytest.raises(ValueError, match=r"`relations` must have 10 rows .* Received: 9"):
        agents.PathReasoner(environment, policy, queries, agents.Reinforce())
    relations = layers.RelationEmbedding(10, 8)
    policy = agents.WalkPolicy(relations, agents.LSTMHistory(4), 4)
    queries = agents.RelationQueries()
    with pytest.raises(ValueError, match="`query_dim` of the policy must be the queries' 8"):
        agents.PathReasoner(environment, policy, queries, agents.Reinforce())
    with pytest.raises(ValueError, match="`shaping` must have `score_tails`"):
        worlds.reasoner(graph, shaping="ComplEx")
    other = models.LinkPredictor.from_graph(toy.graph(), scorers.DistMult(), 4)
    with pytest.raises(ValueError, match="`shaping` must know the graph's 18 entities and 4"):
        worlds.reasoner(graph, shaping=other)
    one_way = models.LinkPredictor.from_graph(graph, scorers.DistMult(), 4, reciprocal=False)
    with pytest.raises(ValueError, match="it must be `reciprocal`"):
        worlds.reasoner(graph, shaping=one_way)
    with pytest.raises(ValueError, match="`entities` must be an EntityEmbedding or None"):
        agents.WalkPolicy(relations, agents.LSTMHistory(4), 4, entities=relations)
    with pytest.raises(ValueError, match="`relations` must be a RelationEmbedding"):
        agents.WalkPolicy("r", agents.LSTMHistory(4), 4)
    with pytest.raises(ValueError, match="`dim` must be a multiple of `num_heads`"):
        agents.TransformerHistory(10, num_heads=4)
    model = worlds.reasoner(graph)
    with pytest.raises(ValueError, match=r"`inputs` must have \['relation'\]"):
        model.search({"head": [0]})
    with pytest.raises(ValueError, match=r"`head` must hold ids, integers\. Received: string"):
        model.search({"head": ["Peru"], "relation": [0]})
    long = worlds.reasoner(graph, history=agents.TransformerHistory(12, 2, max_steps=2), steps=3)
    with pytest.raises(ValueError, match="`max_steps` must not be below"):
        long.search(worlds.queries(world[1]))
