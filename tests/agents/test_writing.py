"""Reading facts from texts, and writers that learn to tell them."""

import itertools

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import agents, datasets
from kgkeras.agents.writing.fact_tokens import END, FIRST_SLOT, PADDING, UNKNOWN
from tests.processes import one_and_two


@pytest.fixture(scope="module")
def world():
    """Ids, and arrays of some facts of geography with their texts."""
    examples = datasets.load_verbalised("geography", "train")[:240]
    tokens = agents.FactTokens.from_examples(examples, max_facts=2, max_entities=4, max_words=32)
    return tokens, rows(tokens, examples)


def rows(tokens, examples):
    arrays = {"facts": [], "triples": [], "text": []}
    for example in examples:
        facts, triples = tokens.encode_facts(example.triples)
        for text in example.texts:
            arrays["facts"].append(facts)
            arrays["triples"].append(triples)
            arrays["text"].append(tokens.encode_text(text, tokens.entities(example.triples)))
    return {name: np.array(column) for name, column in arrays.items()}


def take(arrays, count):
    return {name: tf.constant(column[:count]) for name, column in arrays.items()}


def writer(tokens, dim=32):
    backbone = keras_hub.models.GPT2Backbone(
        tokens.size, 2, 2, dim, 2 * dim, 0.0, tokens.facts_length + tokens.max_words
    )
    return agents.KnowledgeWriter(backbone, tokens)


@pytest.fixture(scope="module")
def trained(world):
    """A reader and a writer that have learned from the texts, the writer not for long."""
    tokens, arrays = world
    keras.utils.set_random_seed(0)
    batches = tf.data.Dataset.from_tensor_slices(arrays).shuffle(1000, seed=0).repeat().batch(32)
    reader, own = agents.FactReader(tokens, dim=32, hidden_dim=32), writer(tokens)
    for model, rate, steps in ((reader, 5e-3, 180), (own, 3e-3, 60)):
        model.compile(keras.optimizers.Adam(rate))
        model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False)
    return reader, own


def told(reader, text, states):
    """The facts in a text, pair by pair, from the words' states."""
    (kernel, bias), (last, offset) = reader.hidden.get_weights(), reader.choice.get_weights()
    tokens = reader.tokens
    slot = [FIRST_SLOT <= i < tokens.first_word for i in text]
    places = [i for i in range(len(text)) if slot[i]][: reader.max_mentions]
    for first, second in itertools.combinations(places, 2):
        between = states[first + 1 : second]
        mean = between.mean(axis=0) if len(between) else np.zeros(states.shape[1])
        read = np.concatenate([states[first], states[second], mean])
        hidden = np.maximum(read @ kernel + bias, 0)
        entities = [(text[i] - FIRST_SLOT) // tokens.slots_each for i in (first, second)]
        yield entities, hidden @ last + offset


def test_scores_are_those_of_the_states(world, trained):
    reader, texts = trained[0], world[1]["text"][:20]
    scores, facts = reader({"text": texts}).numpy(), reader.read(tf.constant(texts)).numpy()
    states = reader.states(tf.constant(texts)).numpy()
    pairs = list(itertools.combinations(range(reader.max_mentions), 2))
    for row, text in enumerate(texts.tolist()):
        count = sum(FIRST_SLOT <= i < reader.tokens.first_word for i in text)
        own = [place for place, pair in enumerate(pairs) if pair[1] < count]
        wanted = list(told(reader, text, states[row]))
        assert len(own) == len(wanted)
        for place, (entities, values) in zip(own, wanted, strict=True):
            np.testing.assert_allclose(scores[row, place], values, atol=1e-4)
            choice, relations = int(values.argmax()), len(reader.tokens.relations)
            fact = [-1] * 3
            if choice and entities[0] != entities[1]:
                inverse = choice > relations
                fact = [entities[inverse], (choice - 1) % relations, entities[not inverse]]
            assert facts[row, place].tolist() == fact
        assert (np.delete(facts[row], own, axis=0) == -1).all()


def test_only_which_entity_is_named_matters(world, trained):
    reader, tokens = trained[0], world[0]
    texts = world[1]["text"][:30]
    slot = (texts >= FIRST_SLOT) & (texts < tokens.first_word)
    entity, form = np.divmod(texts - FIRST_SLOT, tokens.slots_each)
    others = FIRST_SLOT + (tokens.max_entities - 1 - entity) * tokens.slots_each + (form ^ 1)
    np.testing.assert_array_equal(
        reader({"text": np.where(slot, others, texts)}), reader({"text": texts})
    )


def test_a_reader_finds_the_facts(world, trained):
    tokens, arrays = world
    reader = trained[0]
    right, stated, found, wanted = (
        x.numpy() for x in reader.agreement(arrays["text"], arrays["triples"])
    )
    assert right.sum() / stated.sum() > 0.9
    assert found.sum() / wanted.sum() > 0.9
    read = reader.read(arrays["text"]).numpy()
    for row in range(0, len(read), 7):
        facts = [tuple(f) for f in read[row].tolist() if f[0] >= 0]
        truth = {tuple(f) for f in arrays["triples"][row].tolist() if f[0] >= 0}
        assert stated[row] == len(facts)
        assert right[row] == sum(fact in truth for fact in facts)
        assert found[row] == len(truth & set(facts))
        assert wanted[row] == len(truth)
    nothing = tokens.encode_text("nothing here", ())[None]
    assert reader.f1(nothing, arrays["triples"][:1]).numpy() == 0


def test_expected_agreement(world, trained):
    arrays, reader = take(world[1], 12), trained[0]
    # Texts of other facts, as well: the right ones are not certain.
    texts = np.concatenate([arrays["text"], np.roll(arrays["text"], 1, axis=0)])
    triples = np.concatenate([arrays["triples"]] * 2)
    triples[3, 1] = triples[3, 0]  # one fact twice
    triples[5, 0, 1] = -1  # a relation that is not known
    slot = (texts[7] >= FIRST_SLOT) & (texts[7] < reader.tokens.first_word)
    texts[7, slot] = texts[7, slot][0]  # one entity twice, of which a fact is wanted
    triples[7, 0, [0, 2]] = (texts[7, slot][0] - FIRST_SLOT) // reader.tokens.slots_each
    found = np.stack([x.numpy() for x in reader.expected_agreement(texts, triples)], axis=1)
    states, relations = reader.states(tf.constant(texts)).numpy(), len(reader.tokens.relations)
    for row, text in enumerate(texts.tolist()):
        facts = [tuple(fact) for fact in triples[row].tolist() if fact[0] >= 0]
        right, stated, best = 0.0, 0.0, np.zeros(len(facts))
        for (first, second), values in told(reader, text, states[row]):
            if first == second:
                continue
            chances = np.exp(values - values.max())
            chances /= chances.sum()
            stated += 1 - chances[0]
            own = np.zeros(len(facts))
            for place, (head, relation, tail) in enumerate(facts):
                if relation >= 0 and (first, second) == (head, tail):
                    own[place] = chances[1 + relation]
                if relation >= 0 and (second, first) == (head, tail):
                    own[place] = chances[1 + relations + relation]
            right += own.max()
            best = np.maximum(best, own)
        wanted = (right, stated, best.sum(), len(facts))
        np.testing.assert_allclose(found[row], wanted, atol=1e-3)
    f1 = reader.f1(texts, triples, expected=True).numpy()
    precision = found[:, 0] / np.maximum(found[:, 1], 1e-9)
    recall = found[:, 2] / found[:, 3]
    wanted = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    np.testing.assert_allclose(f1, wanted, atol=1e-4)


def test_naming(world, trained):
    arrays, reader = take(world[1], 40), trained[0]
    texts = arrays["text"].numpy()
    texts[:20] = np.roll(texts[:20], 1, axis=0)  # of other facts
    texts[20:30, 5:] = PADDING
    found = reader.naming(texts, arrays["triples"]).numpy()
    each, first_word = reader.tokens.slots_each, reader.tokens.first_word
    for row, (text, facts) in enumerate(zip(texts, arrays["triples"].numpy(), strict=True)):
        named = {(word - FIRST_SLOT) // each for word in text if FIRST_SLOT <= word < first_word}
        wanted = {entity for head, _, tail in facts for entity in (head, tail) if entity >= 0}
        assert found[row] == pytest.approx(len(wanted & named) / len(wanted))
    assert 0 < found[20:30].mean() < found[30:].mean() == 1
    nothing = reader.naming(texts[:1], -np.ones_like(arrays["triples"][:1]))
    np.testing.assert_array_equal(nothing, 0)


def test_writes_what_is_most_probable(world, trained):
    tokens, arrays = world
    own, some = trained[1], take(arrays, 16)
    text = own.write(some["facts"])
    scores = own({"facts": some["facts"], "text": text}).numpy()
    for row, ids in enumerate(text.numpy().tolist()):
        end = ids.index(END)
        assert not any(ids[end + 1 :])
        # Word by word with what has been read before, as all at once.
        if end < tokens.max_words - 1:
            assert ids[: end + 1] == scores[row, : end + 1].argmax(axis=-1).tolist()


def test_writes_only_what_it_may(world):
    tokens, arrays = world
    own, some = writer(tokens), take(arrays, 64)
    text = own.write(some["facts"], seed=tf.constant([1, 2])).numpy()
    assert (text != own.write(some["facts"], seed=tf.constant([1, 3])).numpy()).any()
    for ids, facts in zip(text.tolist(), some["facts"].numpy().tolist(), strict=True):
        mine = [i for i in ids if FIRST_SLOT <= i < tokens.first_word]
        known = {
            (i - FIRST_SLOT) // tokens.slots_each
            for i in facts
            if FIRST_SLOT <= i < tokens.first_word
        }
        assert {(i - FIRST_SLOT) // tokens.slots_each for i in mine} <= known
        assert UNKNOWN not in ids
        assert END in ids


def test_log_probs(world, trained):
    own, some = trained[1], take(world[1], 8)
    log_probs, lengths = own.log_probs(some)
    scores = own(some).numpy().astype("float64")
    logs = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    for row, text in enumerate(some["text"].numpy().tolist()):
        terms = [
            logs[row, i, word] for i, word in enumerate(text) if word not in (PADDING, UNKNOWN)
        ]
        assert lengths[row] == len(terms)
        np.testing.assert_allclose(log_probs[row], sum(terms), rtol=1e-4)


@pytest.mark.slow
def test_rewards_teach(world, trained, tmp_path):
    arrays = world[1]
    reader, own = trained
    model = agents.SelfCritical(
        own, reader, naming_weight=0.3, fluency_weight=0.05, text_weight=0.3, seed=1
    )
    some = take(arrays, 4)
    parts = model.rewards(some["facts"], some["text"], some["triples"])
    log_probs, lengths = own.log_probs(some)
    np.testing.assert_allclose(parts["fluency"], log_probs / lengths, rtol=1e-5)
    f1 = reader.f1(some["text"], some["triples"], expected=True)
    naming = reader.naming(some["text"], some["triples"])
    np.testing.assert_allclose(
        parts["reward"], f1 + 0.3 * naming + 0.05 * parts["fluency"], rtol=1e-5
    )
    before = [part.get_weights() for part in (reader, model.frozen)]
    model.compile(keras.optimizers.Adam(1e-3))
    batches = tf.data.Dataset.from_tensor_slices(arrays).shuffle(1000, seed=0).repeat().batch(16)
    log = model.fit(batches, steps_per_epoch=20, epochs=3, verbose=0, shuffle=False).history
    assert set(log) == {"loss", "reward", "f1", "naming", "fluency", "text_loss"}
    assert log["f1"][-1] > log["f1"][0] + 0.03
    for part, weights in zip((reader, model.frozen), before, strict=True):
        for old, new in zip(weights, part.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    own.save(tmp_path / "writer.keras")
    loaded = keras.models.load_model(tmp_path / "writer.keras")
    np.testing.assert_array_equal(loaded.write(some["facts"]), own.write(some["facts"]))
    reader.save(tmp_path / "reader.keras")
    again = keras.models.load_model(tmp_path / "reader.keras")
    np.testing.assert_array_equal(again.read(some["text"]), reader.read(some["text"]))


_EQUAL = """
import json, sys
import keras, tensorflow as tf
from kgkeras import agents, datasets, training
from tests.agents import test_writing

examples = datasets.load_verbalised("geography", "train")[:40]
tokens = agents.FactTokens.from_examples(examples, max_facts=2, max_entities=4, max_words=32)
training.set_seed(1)
with training.make_strategy(int(sys.argv[1])).scope():
    reader, own = agents.FactReader(tokens, dim=8, dropout=0.0), test_writing.writer(tokens)
    for model in (reader, own):
        model.compile(keras.optimizers.SGD(0.1))
arrays = test_writing.rows(tokens, examples)
batches = tf.data.Dataset.from_tensor_slices(arrays).repeat().batch(16, drop_remainder=True)
log = {}
for name, model in (("reader", reader), ("writer", own)):
    model.fit(batches, steps_per_epoch=3, verbose=0, shuffle=False)
    log[name] = [float(abs(w).sum()) for w in model.get_weights()]
with training.make_strategy(int(sys.argv[1])).scope():
    model = agents.SelfCritical(own, reader, seed=1)
    model.compile(keras.optimizers.SGD(0.1))
history = model.fit(batches, steps_per_epoch=2, verbose=0, shuffle=False).history
log["f1"] = history["f1"]
print(json.dumps(log))
"""


@pytest.mark.slow
def test_two_replicas():
    one, two = one_and_two(_EQUAL)
    for name in ("reader", "writer"):
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, atol=1e-6, err_msg=name)
    # Each replica draws texts of its own.
    np.testing.assert_allclose(two["f1"], one["f1"], atol=0.2)


def test_wrong_parts(world):
    tokens = world[0]
    with pytest.raises(ValueError, match="`backbone` must be a GPT2Backbone"):
        agents.KnowledgeWriter(keras.layers.Dense(2), tokens)
    small = keras_hub.models.GPT2Backbone(tokens.size, 1, 2, 8, 16, 0.0, 5)
    with pytest.raises(ValueError, match=r"and at least \d+ positions\. Received: \d+ and 5"):
        agents.KnowledgeWriter(small, tokens)
    with pytest.raises(ValueError, match="`tokens` must be FactTokens"):
        agents.FactReader("words")
    own, reader = writer(tokens), agents.FactReader(tokens)
    with pytest.raises(ValueError, match="`writer` must be a KnowledgeWriter"):
        agents.SelfCritical(reader, reader)
    with pytest.raises(ValueError, match="`reader` must be a FactReader"):
        agents.SelfCritical(own, own)
    with pytest.raises(ValueError, match="`naming_weight` must"):
        agents.SelfCritical(own, reader, naming_weight=-1)
    with pytest.raises(ValueError, match="`fluency_weight` must"):
        agents.SelfCritical(own, reader, fluency_weight=-1)
