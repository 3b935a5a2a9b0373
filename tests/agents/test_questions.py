"""Questions in words, answered by walking."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import agents, layers, models, scorers, text
from tests.agents import worlds

ASKED = {
    "whose first is [{}]": (worlds.FIRST,),
    "and what does [{}] call grand": (worlds.FIRST, worlds.SECOND),
}
OLDS = worlds.FAMILIES


@pytest.fixture(scope="module")
def world():
    """The graph, a preprocessor, and questions with their answers: of some olds, of the others."""
    graph = worlds.families()[0]
    sentences = [form.format(f"e{old}") for old in range(OLDS) for form in ASKED]
    tokenizer = text.WordTokenizer.from_texts(sentences, markers=("[", "]"))
    linker = text.DictionaryLinker.from_graph(graph)
    preprocessor = text.Preprocessor(tokenizer, linker, 8, marked_only=True)
    told = [questions(graph, preprocessor, olds) for olds in (range(4), range(4, OLDS))]
    return graph, preprocessor, *told


def questions(graph, preprocessor, olds):
    """What is asked of some entities, as a model takes it, and the answers."""
    sentences, answers = [], []
    for old in olds:
        for form, relations in ASKED.items():
            ends = {old}
            for relation in relations:
                ends = {t for h, r, t in graph.triples.tolist() if h in ends and r == relation}
            sentences.append(form.format(f"e{old}"))
            answers.append([*ends, -1])
    encoded = {name: tf.convert_to_tensor(x) for name, x in preprocessor(sentences).items()}
    return encoded, tf.constant(answers, tf.int32)


def reasoner(world, learner=None, attends=None, **options):
    graph, preprocessor = world[:2]
    tokenizer = preprocessor.tokenizer
    encoder = text.LSTMEncoder(tokenizer.vocabulary_size, 16)
    environment = agents.GraphEnvironment.from_graph(graph)
    policy = agents.WalkPolicy(
        layers.RelationEmbedding(environment.start + 1, 8), agents.LSTMHistory(12), 16
    )
    asked = agents.Questions(encoder, mention_id=tokenizer.unknown_id, attends=attends)
    learner = learner or agents.Reinforce("others", entropy=0.02, action_dropout=0.1, seed=1)
    return agents.PathReasoner(environment, policy, asked, learner, steps=2, **options)


@pytest.mark.parametrize("attends", [2, pytest.param(None, marks=pytest.mark.slow)])
def test_learns_to_answer(world, attends, tmp_path):
    _, _, learn, test = world
    keras.utils.set_random_seed(0)
    model = reasoner(world, walks=16, attends=attends)
    model.compile(keras.optimizers.Adam(0.02))
    before = model.evaluate(*test, verbose=0, return_dict=True)
    batches = tf.data.Dataset.from_tensors(learn).repeat()
    log = model.fit(batches, steps_per_epoch=60, epochs=2, verbose=0, shuffle=False).history
    assert set(log) == {"loss", "reward", "entropy"}
    after = model.evaluate(*test, verbose=0, return_dict=True)
    assert set(after) == {"loss", "hits@1"}
    assert before["hits@1"] < 1 == after["hits@1"]
    answers, chances, relations, ways = (
        x.numpy() for x in model.search(test[0]).answers(2, model.num_entities)
    )
    np.testing.assert_array_equal(answers[:, 0], test[1][:, 0])
    assert (chances[:, 0] > 0.5).all()
    for row, wanted in enumerate(list(ASKED.values()) * 2):
        steps = relations[row, 0]
        assert tuple(steps[steps != model.environment.stay]) == wanted
        assert ways[row, 0, -1] == answers[row, 0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(test[0]), model(test[0]), atol=1e-6)
    assert loaded.queries.mention_id == model.queries.mention_id


def test_answers_add_up_walks(world):
    model = reasoner(world, beam=1000)
    beam = model.search(world[2][0])
    answers, chances, relations, ways = (x.numpy() for x in beam.answers(18, model.num_entities))
    scores = np.exp(beam.scores(model.num_entities).numpy())
    all_relations, all_ways, logs = (x.numpy() for x in beam.best(49))
    for row in range(len(answers)):
        count = (scores[row] > 1e-20).sum()
        assert (answers[row, count:] == -1).all()
        assert (chances[row, count:] == 0).all()
        np.testing.assert_allclose(chances[row, :count], -np.sort(-scores[row])[:count], rtol=1e-5)
        for place in range(count):
            best = np.flatnonzero(all_ways[row, :, -1] == answers[row, place])[0]
            assert logs[row, best] <= np.log(chances[row, place]) + 1e-5
            np.testing.assert_array_equal(ways[row, place], all_ways[row, best])
            np.testing.assert_array_equal(relations[row, place], all_relations[row, best])


def test_never_answers_with_the_topic(world):
    model, (asked, _) = reasoner(world, beam=1000), world[2]
    begin = model.queries.begin(asked).numpy()
    scores = model.scores(asked).numpy()
    assert (scores[np.arange(len(begin)), begin] < -60).all()
    model.queries.returns = True
    assert (model.scores(asked).numpy()[np.arange(len(begin)), begin] > -10).all()


def test_the_likelihood_is_that_of_any_answer(world):
    asked, answers = world[2]
    answers = tf.stack([answers[:, 0], (answers[:, 0] + 1) % 18, answers[:, 1]], axis=1)
    model = reasoner(world, agents.MarginalLikelihood(seed=1), walks=20_000, beam=1000)
    model.compile(keras.optimizers.Adam(0.02))
    # The first step is drawn, in search every one is taken.
    wanted = model.evaluate(asked, answers, verbose=0, return_dict=True)["loss"]
    assert float(model.compute_loss(x=asked, y=answers)) == pytest.approx(wanted, abs=0.02)
    one = model.evaluate(asked, answers[:, :1], verbose=0, return_dict=True)["loss"]
    assert one > wanted + 0.1


@pytest.mark.parametrize("learner", [agents.Reinforce, agents.MarginalLikelihood])
def test_without_an_entity_there_is_no_answer(world, learner):
    _, preprocessor, learn, _ = world
    model = reasoner(world, learner(seed=1), walks=200)
    model.compile("sgd")
    asked = preprocessor(["whose first is [Nobody]", "whose first is [e1]"])
    answers, chances, _, _ = model.search(asked).answers(3, model.num_entities)
    assert (answers[0].numpy() == -1).all()
    assert (chances[0].numpy() == 0).all()
    assert answers[1, 0] >= 0
    # Nor does it teach: the same weights as before.
    weights = [w.numpy() for w in model.policy.trainable_variables]
    model.learner.entropy = 0.0
    asked = {name: x[:1] for name, x in asked.items()}
    model.train_on_batch(asked, learn[1][:1])
    for before, after in zip(weights, model.policy.trainable_variables, strict=True):
        np.testing.assert_array_equal(before, after)


def test_wrong_questions(world):
    graph, _, learn, _ = world
    with pytest.raises(ValueError, match=r"`encoder` must be a keras\.Model whose output is"):
        agents.Questions(keras.layers.Dense(3))
    with pytest.raises(ValueError, match=r"`queries` must be RelationQueries\. .*Questions"):
        reasoner(world, agents.QLearning())
    shaping = models.LinkPredictor.from_graph(graph, scorers.DistMult(), dim=4)
    with pytest.raises(ValueError, match="`shaping` must be None where `queries` have no relation"):
        reasoner(world, shaping=shaping)
    model = reasoner(world)
    model.compile("sgd")
    with pytest.raises(ValueError, match="`y` must hold ids of answers"):
        model.train_on_batch(learn[0])
    with pytest.raises(ValueError, match=r"`inputs` must have \['entity_ids', "):
        model.search({"head": [0], "relation": [0]})


def test_each_step_sees_what_it_attends_to(world):
    model = reasoner(world, attends=2)
    asked, policy = world[2][0], model.policy
    read = model.queries.vectors(asked, policy)
    count = len(asked["token_ids"])
    assert read.shape == (count, 2, 16)
    position = model.queries.begin(asked)
    state = policy.begin(position, read, model.environment.start)
    np.testing.assert_array_equal(state["seen"][:, -16:], read[:, 0])
    for _ in range(2):  # and the last step's is what further ones see, too
        state = policy.go(state, tf.zeros(count, tf.int32), position)
        np.testing.assert_array_equal(state["seen"][:, -16:], read[:, 1])
    assert np.abs(read[:, 0] - read[:, 1]).max() > 0
