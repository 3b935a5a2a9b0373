"""Ways of learning to walk: their gradients, and that they find the best walks."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import agents, layers, models, scorers
from tests.agents import worlds

LEARNERS = {
    "moving": lambda: agents.Reinforce("moving", entropy=0.02, seed=1),
    "others": lambda: agents.Reinforce("others", scaled=True, entropy=0.02, seed=1),
    "dropout": lambda: agents.Reinforce("others", action_dropout=0.3, entropy=0.02, seed=1),
    "likelihood": lambda: agents.MarginalLikelihood(entropy=0.02, seed=1),
    "critic": lambda: agents.ActorCritic(16, entropy=0.02, seed=1),
    "values": lambda: agents.QLearning(2000, epsilon=0.3, pace=0.1, seed=1),
}


@pytest.mark.parametrize("kind", LEARNERS)
def test_finds_the_best_walks(kind):
    graph, told, asked = worlds.families()
    # Relations alone: what is learned of some families holds for the others.
    model = worlds.reasoner(graph, LEARNERS[kind](), walks=16, reads_entities=False)
    model.compile(keras.optimizers.Adam(0.02))
    before = model.evaluate(worlds.queries(asked), verbose=0, return_dict=True)
    batches = tf.data.Dataset.from_tensors(worlds.queries(told)).repeat()
    model.fit(batches, steps_per_epoch=60, epochs=2, verbose=0, shuffle=False)
    found = model.search(worlds.queries(asked)).best(1)
    relations, entities = (x[:, 0].numpy() for x in found[:2])
    np.testing.assert_array_equal(relations, [[worlds.FIRST, worlds.SECOND]] * len(asked))
    np.testing.assert_array_equal(entities[:, 0], asked[:, 0])
    np.testing.assert_array_equal(entities[:, -1], asked[:, 2])
    if kind == "values":  # What actions are worth, as probabilities, is close to a draw.
        return
    after = model.evaluate(worlds.queries(asked), verbose=0, return_dict=True)
    assert before["hits@1"] < 1 == after["hits@1"]
    assert after["loss"] < 0.7 < before["loss"]


@pytest.mark.parametrize("baseline", ["moving", "others", None])
def test_the_mean_gradient_is_that_of_the_expected_reward(baseline):
    graph, told, _ = worlds.families()
    learner = agents.Reinforce(baseline, entropy=0.0, seed=3)
    learner.reward.assign(0.4)
    model = worlds.reasoner(graph, learner, walks=60_000)
    asked = worlds.queries(told[:1])
    weights = [v.value for v in model.policy.trainable_variables]
    with tf.GradientTape() as tape:
        walk = worlds.every_choice(model, asked)
        reward, counts = model.rewards(walk)
        chances = tf.exp(tf.reduce_sum(walk.log_probs(), axis=1))
        expected = tf.reduce_sum(chances * reward * counts)
    wanted = tape.gradient(expected, weights)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=asked)
    found = tape.gradient(loss, weights)
    size = max(float(tf.reduce_max(tf.abs(x))) for x in map(dense, wanted))
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(-dense(ours), dense(theirs), atol=0.05 * size)


def test_one_walker_is_no_likelihood():
    graph = worlds.families()[0]
    with pytest.raises(ValueError, match="`walks` must be at least 2"):
        worlds.reasoner(graph, agents.MarginalLikelihood(), walks=1)
    model = worlds.reasoner(graph, agents.MarginalLikelihood(), walks=1, steps=1)
    assert np.isfinite(model.compute_loss(x=worlds.queries(graph.triples[:3])))


@pytest.mark.parametrize("shaped", [None, 0.3])
def test_the_mean_gradient_is_that_of_the_likelihood(shaped):
    graph, told, _ = worlds.families()
    # Other known answers, which must not matter: more than half of where walks end.
    others = [e for e in range(1, graph.num_entities, 2) if e != told[0, 2]]
    known = [[told[0, 0], worlds.GRAND, other] for other in others]
    graph = graph.with_triples(np.concatenate([graph.triples, known]).astype("int32"))
    shaping = shaped and models.LinkPredictor.from_graph(graph, scorers.DistMult(), dim=4)
    learner = agents.MarginalLikelihood(shaped or 0.0, seed=3)
    model = worlds.reasoner(graph, learner, walks=60_000, shaping=shaping)
    asked = worlds.queries(told[:1])
    weights = [v.value for v in model.policy.trainable_variables]
    with tf.GradientTape() as tape:
        walk = worlds.every_choice(model, asked)
        ends, ways = walk.end, tf.reduce_sum(walk.log_probs(), axis=1)
        counts = (~np.isin(ends, others)).astype("float32")
        reached = tf.math.unsorted_segment_sum(tf.exp(ways) * counts, ends, graph.num_entities)
        logs = tf.math.log(reached / tf.reduce_sum(reached) + 1e-6)
        wanted = np.eye(graph.num_entities, dtype="float32")[told[0, 2]]
        if shaped:
            odds = np.exp(shaping.score_tails(*told[:1, :2].T).numpy()[0])
            odds[[told[0, 2], *others]] = 0
            wanted = 0.7 * wanted + 0.3 * odds / odds.sum()
        exact = -tf.reduce_sum(wanted * logs)
        assert 0.1 < tf.reduce_sum(reached) < 0.6
    exact_gradients = tape.gradient(exact, weights)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=asked)
    found = tape.gradient(loss, weights)
    assert float(loss) == pytest.approx(float(exact), abs=0.05)
    size = max(np.abs(dense(x)).max() for x in exact_gradients)
    for ours, theirs in zip(found, exact_gradients, strict=True):
        np.testing.assert_allclose(dense(ours), dense(theirs), atol=0.03 * size)


def dense(gradient):
    return np.zeros(()) if gradient is None else tf.convert_to_tensor(gradient).numpy()


def test_the_baseline_moves():
    graph, told, _ = worlds.families()
    learner = agents.Reinforce("moving", momentum=0.9, seed=0)
    model = worlds.reasoner(graph, learner, walks=500)
    model.compile("sgd")
    asked = worlds.queries(told)
    rewards = [model.train_on_batch(asked, return_dict=True) for _ in range(2)]
    assert rewards[-1]["reward"] > 0
    assert 0 < float(learner.reward) < 0.2
    before = float(learner.reward)
    model.train_on_batch(asked)
    assert float(learner.reward) != before


def test_advantages():
    learner = agents.ActorCritic(trace=0.7)
    rng = np.random.default_rng(0)
    values, reward = rng.random((5, 3)).astype("float32"), rng.random(5).astype("float32")
    after = np.concatenate([values[:, 1:], reward[:, None]], axis=1)
    gains = after - values
    wanted = [
        [sum(0.7 ** (k - t) * gains[row, k] for k in range(t, 3)) for t in range(3)]
        for row in range(5)
    ]
    np.testing.assert_allclose(learner.advantages(values, reward), wanted, rtol=1e-5)
    whole = agents.ActorCritic(trace=1.0).advantages(values, reward)
    np.testing.assert_allclose(whole, reward[:, None] - values, atol=1e-6)


def test_values_are_compared_with_those_of_the_slower_weights():
    graph, told, _ = worlds.families()
    learner = agents.QLearning(100, discount=0.9, seed=0)
    model = worlds.reasoner(graph, learner, walks=1)
    rng = np.random.default_rng(0)
    for slow in learner.slower:
        slow.assign(slow + rng.normal(0, 0.3, slow.shape))
    asked = worlds.queries(told)
    actions = tf.constant(rng.integers(0, 2, (len(told), 2)), tf.int32)
    rewards = tf.constant(rng.random(len(told)), tf.float32)
    found = learner._distances(model, asked, actions, rewards)

    def scores():
        walk = model.walk(asked, lambda step, s: (actions[:, step], s), training=False)
        return [x.numpy() for x in walk.scores]

    fast = scores()
    kept = [v.numpy() for v in model.policy.trainable_variables]
    for variable, slow in zip(model.policy.trainable_variables, learner.slower, strict=True):
        variable.assign(slow)
    slow = scores()
    for variable, value in zip(model.policy.trainable_variables, kept, strict=True):
        variable.assign(value)
    for row in range(len(told)):
        first, last = actions[row].numpy()
        after = 0.9 * slow[1][row, fast[1][row].argmax()]
        differences = np.array([fast[0][row, first] - after, fast[1][row, last] - rewards[row]])
        far = np.abs(differences)
        huber = np.where(far < 1, far**2 / 2, far - 0.5)
        assert float(found[row]) == pytest.approx(huber.sum(), rel=1e-4)


def test_remembers_the_newest():
    from kgkeras.agents.learning.replay import Replay

    replay, deque = Replay(7, 2), collections.deque(maxlen=7)
    for start in range(0, 15, 5):
        rows = np.stack([np.arange(start, start + 5), -np.arange(start, start + 5)], 1)
        replay.push(rows.astype("int32"), np.arange(start, start + 5, dtype="float32"))
        deque.extend(rows.tolist())
        drawn, rewards = replay.sample(500, keras.random.SeedGenerator(0))
        assert set(map(tuple, drawn.numpy().tolist())) == set(map(tuple, deque))
        np.testing.assert_array_equal(rewards, drawn[:, 0])


def test_action_dropout_leaves_something_to_do():
    learner = agents.Reinforce(action_dropout=0.9, seed=0)
    scores = np.full((400, 6), -1e9, "float32")
    scores[:, :2] = 0.0
    left = (learner.explored(tf.constant(scores)).numpy() > -1).sum(axis=1)
    assert set(left.tolist()) == {1, 2}
    actions, _ = learner.choose(0, tf.constant(scores))
    assert set(actions.numpy().tolist()) == {0, 1}


@pytest.mark.parametrize("kind", ["critic", "others", "values"])
def test_half_precision_reaches_all_layers(kind):
    graph, told, _ = worlds.families()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = worlds.reasoner(graph, LEARNERS[kind](), history=agents.TransformerHistory(12, 2))
        model.compile(keras.optimizers.Adam(1e-2))
    finally:
        keras.config.set_dtype_policy(before)
    loss = model.train_on_batch(worlds.queries(told))
    assert np.isfinite(loss).all()


def test_layers_of_one_precision():
    half = {"dtype": "mixed_bfloat16"}
    relations, entities = layers.RelationEmbedding(10, 8), layers.EntityEmbedding(18, 8)
    made = [
        agents.WalkPolicy(relations, agents.LSTMHistory(8), 8, entities=entities, **half),
        agents.LSTMHistory(8, 2, **half),
        agents.TransformerHistory(8, 2, 2, **half),
        agents.ActorCritic(4, **half),
    ]
    for layer in made:
        given = {id(part) for part in (relations, entities, getattr(layer, "history", None))}
        inner = [part for part in layer._layers if id(part) not in given]
        assert inner
        assert {part.compute_dtype for part in inner} == {"bfloat16"}


def test_settings_travel():
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 100)
    for learner in (
        agents.Reinforce("others", scaled=True, entropy=schedule, action_dropout=0.2, seed=1),
        agents.MarginalLikelihood(0.3, entropy=schedule, action_dropout=0.2, seed=1),
        agents.ActorCritic(7, trace=0.5, value_weight=0.2, entropy=schedule, seed=1),
        agents.QLearning(10, epsilon=schedule, discount=0.5, pace=0.1, seed=1),
    ):
        again = type(learner).from_config(learner.get_config())
        assert again.get_config() == learner.get_config()
    with pytest.raises(ValueError, match="`baseline` must be one of"):
        agents.Reinforce("best")
    with pytest.raises(ValueError, match="`trace` must be between 0 and 1"):
        agents.ActorCritic(trace=2)
    with pytest.raises(ValueError, match="`action_dropout` must be a rate"):
        agents.Reinforce(action_dropout=1.0)
