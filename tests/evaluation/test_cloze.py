"""Facts as sentences with a gap, against a computation answer by answer."""

import numpy as np
import pytest

from kgkeras import evaluation, kg, layers, models, text
from tests import reference

NAMES = ["rome", "paris", "rome paris", "new paris", "is", "xyz"]
TEMPLATES = {0: "[X] is of [Y] .", 1: "of [Y] , [X]"}
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ro", "##me", "pa", "##ris", "new"]
PIECES += ["is", "of", ".", ","]
FACTS = [(0, 0, 1), (0, 0, 2), (1, 0, 3), (2, 1, 0), (3, 1, 2), (4, 2, 0), (1, 1, 5)]


@pytest.fixture(scope="module")
def world():
    graph = kg.KnowledgeGraph(
        [f"e{i}" for i in range(6)],
        ["r", "s", "t"],
        np.array(FACTS, "int32"),
        entity_texts=kg.Texts(NAMES, None, None, None),
    )
    tokenizer = text.WordPieceTokenizer.from_vocabulary(PIECES)
    linker = text.DictionaryLinker.from_graph(graph)
    return graph, text.Preprocessor(tokenizer, linker, sequence_length=16)


def _model(**arguments):
    encoder = text.TransformerEncoder(len(PIECES), 8, num_layers=2, num_heads=2, max_length=16)
    model = models.KnowledgeMaskedLM(encoder, **arguments)
    for weight in model.weights:
        if "embedding" in weight.path:
            weight.assign(20 * weight)  # so that what is read matters
    return model


def _knowing():
    triples = layers.TripleEmbedding.from_sizes(6, 3, 8)
    return _model(triples=triples, fusion=layers.AttentionFusion(), entity_candidates="all")


def _score(model, preprocessor, head, relation, answer, mean):
    """One sentence, one answer."""
    tokenizer = preprocessor.tokenizer

    def pieces(string):
        words = text.split_words([string]).words
        return tokenizer(words).merge_dims(1, 2).to_list()[0]

    linked = {"rome": 0, "paris": 1, "rome paris": 2, "new paris": 3, "is": 4, "xyz": 5}[
        NAMES[head]
    ]
    tokens, entities, positions = [2], [-1], []
    for word in TEMPLATES[relation].split():
        own = {"[X]": pieces(NAMES[head]), "[Y]": [4] * len(pieces(NAMES[answer]))}.get(word)
        own = pieces(word) if own is None else own
        if word == "[Y]":
            positions = list(range(len(tokens), len(tokens) + len(own)))
        tokens += own
        entities += [linked if word == "[X]" or word == "is" == NAMES[head] else -1] * len(own)
        if word == "is":
            entities[-1] = 4  # it is a name, too
    tokens, entities = [*tokens, 3], [*entities, -1]
    inputs = {
        "token_ids": np.array([tokens], "int32"),
        "padding_mask": np.ones((1, len(tokens)), bool),
        "entity_ids": np.array([entities], "int32"),
        "mask_positions": np.array([positions], "int32"),
        "entity_positions": np.zeros((1, 1), "int32"),
    }
    logits = model({name: inputs[name] for name in model.input})["tokens"].numpy()[0]
    terms = [
        np.log(reference.softmax(row.astype("float64"))[piece])
        for row, piece in zip(logits, pieces(NAMES[answer]), strict=True)
    ]
    return np.mean(terms) if mean else np.sum(terms)


@pytest.mark.parametrize(("make", "score"), [(_knowing, "mean"), (_model, "sum")])
def test_ranks_agree_with_answers_one_by_one(world, make, score):
    graph, preprocessor = world
    model = make()
    found = evaluation.cloze(model, preprocessor, graph, TEMPLATES, score=score, batch_size=2)
    asked = [fact for fact in FACTS if fact[1] in TEMPLATES]
    np.testing.assert_array_equal(found.facts, asked)
    ranks = []
    for head, relation, tail in asked:
        scores = [_score(model, preprocessor, head, relation, a, score == "mean") for a in range(6)]
        true = {t for h, r, t in FACTS if (h, r) == (head, relation)}
        ranks.append(reference.rank(scores, tail, true, "mean", 1e-5))
    np.testing.assert_array_equal(found.ranks, ranks)
    assert len(set(ranks)) > 1
    figures = found.figures(ks=(1, 3))
    assert figures["facts"] == 6
    np.testing.assert_allclose(figures["mrr"], np.mean(1 / np.array(ranks)), rtol=1e-6)
    assert figures["precision@3"] == np.mean(np.array(ranks) <= 3)
    assert found.by_relation()[1]["facts"] == 3


def test_a_model_that_knows_nothing_has_the_rank_of_chance(world):
    graph, preprocessor = world
    model = _model()
    for weight in model.weights:
        weight.assign(0 * weight)
    found = evaluation.cloze(model, preprocessor, graph, TEMPLATES, known=[])
    np.testing.assert_array_equal(found.ranks, 3.5)
    few = evaluation.cloze(
        model, preprocessor, graph, TEMPLATES, [(0, 0, 1)], candidates=[1, 3, 4], known=[(0, 0, 4)]
    )
    np.testing.assert_array_equal(few.ranks, 1.5)


def test_each_relation_has_its_candidates(world):
    graph, preprocessor = world
    model, few = _knowing(), {1: [0, 2, 5, 3], 0: [1, 2, 3], 2: [0]}
    found = evaluation.cloze(model, preprocessor, graph, TEMPLATES, candidates=few)
    for relation in (0, 1):
        alone = evaluation.cloze(
            model,
            preprocessor,
            graph,
            {relation: TEMPLATES[relation]},
            candidates=few[relation],
        )
        rows = found.facts[:, 1] == relation
        np.testing.assert_array_equal(found.facts[rows], alone.facts)
        np.testing.assert_array_equal(found.ranks[rows], alone.ranks)
    every = evaluation.cloze(model, preprocessor, graph, TEMPLATES)
    assert (found.ranks <= every.ranks).all()
    assert (found.ranks < every.ranks).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"templates": {0: "[X] is ."}}, r"must hold \[X\] once and \[Y\] once"),
        ({"templates": {7: "[X] is [Y]"}}, "`templates` must be of relations of the facts"),
        ({"candidates": [0, 1]}, "`candidates` must hold the tail of each fact"),
        ({"candidates": {0: [1, 2, 3], 1: [0, 2]}}, "`candidates` must hold the tail of each fact"),
        ({"candidates": {0: [1, 2, 3]}}, r"`candidates` must have an entry.*none for \[1\]"),
        ({"score": "best"}, "`score` must be one of 'mean', 'sum'"),
        ({"batch_size": 0}, "`batch_size` must be a positive integer"),
    ],
)
def test_bad_arguments(world, arguments, message):
    graph, preprocessor = world
    with pytest.raises(ValueError, match=message):
        evaluation.cloze(None, preprocessor, graph, **{"templates": TEMPLATES, **arguments})


def test_a_tokenizer_without_mask(world):
    preprocessor = text.Preprocessor(text.WordTokenizer(["of"]))
    with pytest.raises(ValueError, match="must have a tokenizer with a"):
        evaluation.cloze(None, preprocessor, world[0], TEMPLATES)
