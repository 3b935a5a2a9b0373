"""Heads of tasks against NumPy, and what the graph tells an answer."""

import numpy as np
import pytest
from keras import ops

from kgkeras import layers, scorers
from tests import tasks


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def words_of(x):
    rng = np.random.default_rng(5)
    return rng.normal(size=(*x["token_ids"].shape, tasks.DIM)).astype("float32")


@pytest.mark.parametrize("scorer", [scorers.ComplEx, scorers.TransE, None])
def test_answers(scorer):
    parts = tasks.Parts()
    head = layers.AnswerHead(parts.triples, scorer and scorer(), max_mentions=2)
    x, _ = tasks.examples("questions", 6)
    x["entity_ids"][0] = -1
    words = words_of(x)
    mask = x["padding_mask"][..., None]
    question = (words * mask).sum(axis=1) / mask.sum(axis=1)
    scores = numpy(head(x, words=words))
    entities = numpy(parts.triples.entities.table)
    wanted = (question @ numpy(head.query.kernel) + numpy(head.query.bias)) @ entities.T
    if scorer is not None:
        logits = question @ numpy(head.relation.kernel) + numpy(head.relation.bias)
        weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        relations = numpy(parts.triples.relations.table)
        for row, ids in enumerate(x["entity_ids"]):
            mentioned = [i for place, i in enumerate(ids) if i >= 0 and i != ids[place - 1]][:2]
            if not mentioned:
                continue
            mentioned = numpy(head._mentions(ids[None]))[0]
            entity = entities[mentioned[mentioned >= 0]].sum(axis=0)
            forwards = weights[row, : tasks.RELATIONS] @ relations
            backwards = weights[row, tasks.RELATIONS :] @ relations
            for other in range(tasks.ENTITIES):
                wanted[row, other] += float(scorer()(entity, forwards, entities[other]))
                wanted[row, other] += float(scorer()(entities[other], backwards, entity))
    np.testing.assert_allclose(scores, wanted, atol=1e-4)


def test_triples():
    parts = tasks.Parts()
    x, _ = tasks.examples("graph", 5)
    scores = numpy(layers.TripleHead(parts.triples, parts.scorer)(x))
    for row, place in np.ndindex(x["triples"].shape[:2]):
        head, relation, tail = x["triples"][row, place]
        tails = [tail, *x["negatives"][row]]
        heads = [head, *x["negatives"][row]]
        for side, ends in ((0, [(head, e) for e in tails]), (1, [(e, tail) for e in heads])):
            for end, (first, last) in enumerate(ends):
                vectors = parts.triples(np.array(first), np.array(relation), np.array(last))
                wanted = float(parts.scorer(*vectors))
                assert scores[row, place, side, end] == pytest.approx(wanted, abs=1e-6)


def test_hidden_tokens_by_the_vectors_of_the_encoder():
    encoder = tasks.Reader()
    head = layers.HiddenTokenHead(encoder)
    x, _ = tasks.examples("language", 4)
    words = words_of(x)
    logits = numpy(head(x, words=words))
    hidden = words[:, :2]
    hidden = numpy(head.normalisation(head.hidden(hidden)))
    table = numpy(encoder.token_embedding.embeddings)
    np.testing.assert_allclose(logits, hidden @ table.T + numpy(head.bias), atol=1e-5)
    own = layers.HiddenTokenHead(None, vocabulary_size=7)
    assert own(x, words=words).shape == (4, 2, 7)
    with pytest.raises(ValueError, match="`vocabulary_size` must be a positive integer"):
        layers.HiddenTokenHead(None)
