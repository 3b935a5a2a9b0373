"""Facts that a model holds likely."""

import keras
import numpy as np
import pytest

from kgkeras import evaluation, kg, models, scorers

ENTITIES, RELATIONS = 7, 2
KNOWN = [(0, 0, 1), (2, 0, 3), (2, 1, 0), (6, 1, 5)]


@pytest.fixture
def known():
    names = [[f"{kind}{i}" for i in range(n)] for kind, n in (("e", ENTITIES), ("r", RELATIONS))]
    return kg.KnowledgeGraph(*names, np.array(KNOWN, "int32"))


@pytest.fixture
def model(known):
    keras.utils.set_random_seed(0)
    model = models.LinkPredictor.from_graph(known, scorers.DistMult(), 4)
    for table in (model.triples.entities.table, model.triples.relations.table):
        table.assign(keras.random.normal(table.shape, seed=1))
    return model


@pytest.mark.parametrize("least", [0.01, 0.1, 0.3])
@pytest.mark.parametrize("batch_size", [2, 64])
def test_they_are_the_large_shares_of_a_softmax(known, model, least, batch_size):
    entities = np.asarray(model.triples.entities.table)
    relations = np.asarray(model.triples.relations.table)  # the inverses too
    wanted = {}
    for head in (0, 2, 6):  # what heads a known fact
        for relation in range(RELATIONS):
            scores = np.exp((entities[head] * relations[relation]) @ entities.T)
            for tail, share in enumerate(scores / scores.sum()):
                if share >= least and (head, relation, tail) not in KNOWN:
                    wanted[head, relation, tail] = share
    facts, shares = evaluation.likely_facts(model, known, least, batch_size)
    assert facts.dtype == np.int32
    found = dict(zip(map(tuple, facts.tolist()), shares, strict=True))
    assert len(found) == len(facts)
    assert found.keys() == wanted.keys()
    for fact, share in wanted.items():
        np.testing.assert_allclose(found[fact], share, rtol=1e-5)


def test_only_what_has_no_answer_yet(known, model):
    facts, shares = evaluation.likely_facts(model, known, 0.05)
    pairs = {fact[:2] for fact in KNOWN}
    kept = np.array([(head, relation) not in pairs for head, relation, _ in facts.tolist()])
    assert 0 < kept.sum() < len(kept)
    found = evaluation.likely_facts(model, known, 0.05, answered=False)
    np.testing.assert_array_equal(found[0], facts[kept])
    np.testing.assert_array_equal(found[1], shares[kept])


@pytest.mark.parametrize("most", [1, 3, ENTITIES])
def test_only_the_likeliest_of_a_query(known, model, most):
    every, shares = evaluation.likely_facts(model, known, 1e-6, answered=False)
    facts, kept = evaluation.likely_facts(model, known, 1e-6, answered=False, most=most)
    wanted = {}
    for (head, relation, tail), share in zip(every.tolist(), shares, strict=True):
        wanted.setdefault((head, relation), []).append((share, tail))
    wanted = {
        (*query, tail): share
        for query, tails in wanted.items()
        for share, tail in sorted(tails, reverse=True)[:most]
    }
    found = dict(zip(map(tuple, facts.tolist()), kept, strict=True))
    assert len(found) == len(facts)
    assert found == wanted


@pytest.mark.parametrize("most", [1, 2, 4])
def test_known_tails_count_among_the_likeliest(known, model, most):
    """What is known takes a place, but is not told again: fewer than `most` may be new."""
    entities = np.asarray(model.triples.entities.table)
    relations = np.asarray(model.triples.relations.table)
    wanted, known_ones = set(), 0
    for head in (0, 2, 6):
        for relation in range(RELATIONS):
            likeliest = np.argsort(-((entities[head] * relations[relation]) @ entities.T))[:most]
            wanted |= {(head, relation, tail) for tail in likeliest.tolist()}
            known_ones += sum((head, relation, tail) in KNOWN for tail in likeliest.tolist())
    facts, _ = evaluation.likely_facts(model, known, 1e-6, most=most)
    assert set(map(tuple, facts.tolist())) == wanted - set(KNOWN)
    assert known_ones or most == 1  # otherwise the test shows nothing


def test_nothing_is_certain(known, model):
    facts, shares = evaluation.likely_facts(model, known, 1.0)
    assert facts.shape == (0, 3)
    assert shares.shape == (0,)


@pytest.mark.parametrize("least", [0.0, 1.5, float("nan")])
def test_a_share_lies_between_zero_and_one(known, model, least):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        evaluation.likely_facts(model, known, least)


def test_some_tails_at_least(known, model):
    with pytest.raises(ValueError, match="most"):
        evaluation.likely_facts(model, known, most=0)


def test_scores_that_are_no_numbers(known, model):
    table = model.triples.relations.table
    table.assign(np.full(table.shape, np.nan))
    with pytest.raises(ValueError, match="NaN for relation 0"):
        evaluation.likely_facts(model, known)
