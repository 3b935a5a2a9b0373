"""Scores and labels of sampled batches, against a loop over triples and negatives."""

import numpy as np
import pytest

from kgkeras import kg, models, scorers
from kgkeras.models.candidates import candidate_scores

ENTITIES, RELATIONS, BATCH, NEGATIVES = 5, 2, 12, 7


def _model():
    entities, relations = [f"e{i}" for i in range(ENTITIES)], [f"r{i}" for i in range(RELATIONS)]
    graph = kg.KnowledgeGraph(entities, relations, np.array([[0, 0, 1]], "int32"))
    # Head and tail play different roles here, so a mix-up changes the scores.
    return models.LinkPredictor.from_graph(graph, scorers.TransE(norm=1), 4, reciprocal=False)


def _batch(chunk_size, *extras):
    """Few entities, so that a triple meets its own head and tail among the negatives."""
    rng = np.random.default_rng(0)
    head = rng.integers(0, ENTITIES, BATCH)
    tail = (head + rng.integers(1, ENTITIES, BATCH)) % ENTITIES  # never the head
    relation = rng.integers(0, RELATIONS, BATCH)
    drawn = rng.integers(0, ENTITIES, (2, BATCH, NEGATIVES))[:, ::chunk_size]
    x = {"head": head, "relation": relation, "tail": tail}
    x["negatives"], x["head_negatives"] = drawn
    x = {name: ids.astype("int32") for name, ids in x.items()}
    x["known"], x["known_heads"] = rng.random((2, BATCH, NEGATIVES)) < 0.3
    x["corrupt_head"] = rng.random(BATCH) < 0.5
    x["weight"] = rng.random(BATCH).astype("float32")
    return {name: x[name] for name in ("head", "relation", "tail", "negatives", *extras)}


def _expected(model, x, chunk_size, negatives, lost, known):
    """Scores and labels `(batch, 1 + negatives)`: each triple, then it with other entities."""
    triples = {name: np.empty((BATCH, 1 + NEGATIVES), "int32") for name in ("head", "tail")}
    labels = np.empty((BATCH, 1 + NEGATIVES))
    for i in range(BATCH):
        for name, ids in triples.items():
            ids[i] = x[name][i]
        labels[i, 0] = 1
        for n, entity in enumerate(x[negatives][i // chunk_size]):
            ignored = entity == x[lost[i]][i] or (known in x and x[known][i, n])
            labels[i, 1 + n] = -1 if ignored else 0
            triples[lost[i]][i, 1 + n] = entity
    return model.score(triples["head"], x["relation"][:, None], triples["tail"]), labels


def _assert_scored(model, x, chunk_size, *sides):
    scored = candidate_scores(model, x, training=False)
    expected = [_expected(model, x, chunk_size, *side) for side in sides]
    scores, labels = (np.stack(parts, axis=1) for parts in zip(*expected, strict=True))
    if len(sides) == 1:
        scores, labels = scores[:, 0], labels[:, 0]
    assert (labels == -1).any()
    assert (labels == 0).any()
    np.testing.assert_allclose(scored.y_pred, scores, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(scored.labels(), labels)
    assert scored.known is None
    return scored


@pytest.mark.parametrize("chunk_size", [1, 3, BATCH])
@pytest.mark.parametrize("known", [(), ("known",)])
def test_negatives_in_place_of_the_tail(chunk_size, known):
    x = _batch(chunk_size, *known)
    scored = _assert_scored(_model(), x, chunk_size, ("negatives", ["tail"] * BATCH, "known"))
    assert scored.weight is None


@pytest.mark.parametrize("chunk_size", [1, 3, BATCH])
@pytest.mark.parametrize("known", [(), ("known",)])
def test_negatives_in_place_of_the_side_that_each_triple_loses(chunk_size, known):
    x = _batch(chunk_size, "corrupt_head", "weight", *known)
    lost = np.where(x["corrupt_head"], "head", "tail")
    assert len(set(lost)) == 2
    scored = _assert_scored(_model(), x, chunk_size, ("negatives", lost, "known"))
    np.testing.assert_array_equal(scored.weight, x["weight"])


@pytest.mark.parametrize("chunk_size", [1, 3, BATCH])
@pytest.mark.parametrize("known", [(), ("known", "known_heads")])
def test_negatives_in_place_of_both_sides(chunk_size, known):
    x = _batch(chunk_size, "head_negatives", "weight", *known)
    scored = _assert_scored(
        _model(),
        x,
        chunk_size,
        ("negatives", ["tail"] * BATCH, "known"),
        ("head_negatives", ["head"] * BATCH, "known_heads"),
    )
    np.testing.assert_array_equal(scored.weight, np.stack([x["weight"]] * 2, axis=1))
