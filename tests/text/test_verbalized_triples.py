"""Facts in words behind the mentions of a text."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras import kg, text

WORDS = "Rome is in the old town of New York or near Paris , France".split()
NAMES = ("Rome", "New York", "Paris", "France", "town of towns")
RELATIONS = ("lies_in", "near")
FACTS = (
    (0, 0, 3),
    (0, 0, 3),
    (0, 1, 1),
    (0, 1, 2),
    (1, 1, 2),
    (2, 0, 3),
    (2, 0, 4),
    (1, 1, 0),
    (3, 1, 2),
)
LENGTH, MAX_FACTS = 18, 2


GRAPH = kg.KnowledgeGraph(
    [name.lower() for name in NAMES],
    RELATIONS,
    np.array(FACTS, "int32"),
    entity_texts=kg.Texts(names=NAMES),
)


def make(length=LENGTH, max_facts=MAX_FACTS):
    graph = GRAPH
    tokenizer = text.WordTokenizer.from_texts([" ".join(WORDS), "lies in near towns"])
    preprocessor = text.Preprocessor(tokenizer, text.DictionaryLinker.from_graph(graph), length)
    return text.VerbalizedTriples(preprocessor, graph, max_facts), preprocessor


TELLS, PREPROCESSOR = make()


def told(entity):
    """The facts of an entity in words, the most telling first."""
    facts = list(dict.fromkeys(FACTS))
    count = {fact[1:]: sum(other[1:] == fact[1:] for other in facts) for fact in facts}
    own = [fact for fact in facts if fact[0] == entity]
    own = sorted(own, key=lambda fact: count[fact[1:]])[:MAX_FACTS]
    return [f"{RELATIONS[r]} {NAMES[t]}".replace("_", " ") for _, r, t in own]


def tokens(line):
    ids = PREPROCESSOR([line])
    return ids["token_ids"][0][ids["padding_mask"][0]].numpy().tolist()


def tree(line):
    """What is made of a text, token by token: `(id, entity, position, branch, mention)`."""
    plain = {name: column[0].numpy() for name, column in PREPROCESSOR([line]).items()}
    count = int(plain["padding_mask"].sum())
    starts = PREPROCESSOR.words([line])["mentions"][0].numpy()[: count - 2].cumsum() - 1
    entity = plain["entity_ids"][:count]
    mention = [-1 if e < 0 else int(starts[i - 1]) for i, e in enumerate(entity)]
    last = {m: i for i, m in enumerate(mention) if m >= 0}
    facts = [
        (rank, m, tokens(words)[1:-1])
        for m, i in last.items()
        for rank, words in enumerate(told(entity[i]))
    ]
    room, total, kept = LENGTH - count, 0, []
    facts = [fact for fact in facts if len(fact[2]) <= room]
    for rank, m, pieces in sorted(facts, key=lambda fact: fact[:2]):
        total += len(pieces)
        if total <= room:
            kept.append((m, rank, pieces))
    numbers = {fact[:2]: number for number, fact in enumerate(kept, 1)}
    rows = []
    for i in range(count):
        rows.append((int(plain["token_ids"][i]), int(entity[i]), i, 0, mention[i]))
        for m, rank, pieces in sorted(kept):
            if last[m] == i:
                number = numbers[m, rank]
                rows += [(p, -1, i + 1 + j, number, m) for j, p in enumerate(pieces)]
    return rows


@settings(deadline=None, max_examples=25)
@given(st.lists(st.lists(st.sampled_from([*WORDS, "unheard"]), max_size=14), max_size=5))
def test_trees(lines):
    lines = [" ".join(words) for words in lines]
    found = TELLS(lines)
    names = ("token_ids", "entity_ids", "positions", "branches", "mentions")
    assert {*names, "padding_mask"} == set(found)
    for name, column in found.items():
        assert column.shape == (len(lines), LENGTH), name
    for row, line in enumerate(lines):
        wanted = tree(line)
        count = int(found["padding_mask"][row].numpy().sum())
        assert found["padding_mask"][row].numpy().tolist() == [i < count for i in range(LENGTH)]
        rows = zip(*(found[name][row, :count].numpy().tolist() for name in names), strict=True)
        assert list(rows) == wanted
        for name, fill in zip(names, (0, -1, 0, 0, -1), strict=True):
            assert (found[name][row, count:] == fill).numpy().all()


def test_traced_and_word_by_word():
    lines = ["Rome is near Paris.", "the old town", "", "New York, Rome, Rome or Paris"]
    function = tf.function(TELLS, input_signature=[tf.TensorSpec([None], tf.string)])
    for name, column in function(tf.constant(lines)).items():
        np.testing.assert_array_equal(column, TELLS(lines)[name], err_msg=name)
    words, plain = TELLS.words(lines), PREPROCESSOR.words(lines)
    for name in plain:
        if name != "places":
            np.testing.assert_array_equal(words[name], plain[name])
    for row in range(len(lines)):
        places = words["places"][row].numpy()
        in_text = places[places >= 0].tolist()
        assert in_text == [p for p in plain["places"][row].numpy().tolist() if p >= 0]
        branches = TELLS(lines)["branches"][row, 1:-1].numpy()
        assert (places[branches > 0] == -1).all()
    np.testing.assert_array_equal(TELLS.linked(lines), PREPROCESSOR.linked(lines))


def test_longer_rows_hold_more_facts():
    line = ["Rome New York Paris"]
    counts = [int(make(length)[0](line)["branches"].numpy().max()) for length in (6, 9, 12, 40)]
    assert counts == [0, 1, 2, 6]
    assert int(make(40, 1)[0](line)["branches"].numpy().max()) == 3


def test_words_without_pieces_and_many_facts():
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "rome", "paris", "near", "lies", "in"]
    tokenizer = text.WordPieceTokenizer.from_vocabulary(pieces)
    linker = text.DictionaryLinker.from_graph(GRAPH)
    reads = text.VerbalizedTriples(text.Preprocessor(tokenizer, linker, 12), GRAPH, 10**6)
    accents = "\u0301 " * 10
    found = reads([accents + "Rome Paris", "Rome"])
    # What the row has no room for as a word is no mention; the other row is as ever.
    assert (found["mentions"][0] == -1).numpy().all()
    assert found["entity_ids"][0].numpy().max() == 2
    assert found["branches"][1].numpy().max() >= 2


def test_what_does_not_fit():
    preprocessor = text.Preprocessor(PREPROCESSOR.tokenizer)
    graph = kg.KnowledgeGraph(["a"], ["r"], np.zeros((0, 3), "int32"))
    with pytest.raises(ValueError, match="`preprocessor` must have a linker"):
        text.VerbalizedTriples(preprocessor, graph)
    with pytest.raises(ValueError, match="`graph` must hold at least one triple"):
        text.VerbalizedTriples(PREPROCESSOR, graph)
    with pytest.raises(ValueError, match="`max_facts` must be a positive integer"):
        make(max_facts=0)
