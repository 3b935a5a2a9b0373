import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras.pipelines.known_entities import KnownEntities


def _brute_force(facts, queries, entities):
    facts = {(int(query), int(entity)) for query, entity in facts}
    return [
        [[(int(q), int(e)) in facts for e in drawn] for q in asked]
        for asked, drawn in zip(queries, entities, strict=True)
    ]


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 999),
    num_facts=st.sampled_from([0, 3, 40, 400]),
    rows=st.sampled_from([1, 4, 64]),
    chunks=st.integers(1, 3),
)
def test_brute_force(seed, num_facts, rows, chunks):
    rng = np.random.default_rng(seed)
    facts = np.stack([rng.integers(0, 30, num_facts), rng.integers(0, 20, num_facts)], axis=1)
    queries, entities = rng.integers(0, 30, (chunks, rows)), rng.integers(0, 20, (chunks, 5))
    known = KnownEntities(*facts.T, 30, 20).among(tf.constant(queries), tf.constant(entities))
    np.testing.assert_array_equal(known, _brute_force(facts, queries, entities))


@pytest.mark.parametrize(("entity", "way"), [(0, "_by_pairs"), (1, "_by_facts")])
def test_both_ways_are_taken(entity, way, monkeypatch):
    # Entity 0 answers 400 queries, each other one a single one.
    queries = np.arange(800)
    entities = np.concatenate([np.zeros(400, "int64"), np.arange(1, 401)])
    known = KnownEntities(queries, entities, 800, 401)
    asked = np.arange(360, 460)[None]
    drawn = np.full((1, 3), entity)
    chosen = []
    monkeypatch.setattr(
        "tensorflow.cond",
        lambda facts_are_few, *ways: (
            chosen.append((bool(facts_are_few), [w() for w in ways])) or chosen[0][1][0]
        ),
    )
    known.among(tf.constant(asked), tf.constant(drawn))
    ((few, both),) = chosen
    assert few == (way == "_by_facts")
    for result in both:
        np.testing.assert_array_equal(
            result, _brute_force(zip(queries, entities, strict=True), asked, drawn)
        )


def test_too_many_for_64_bits():
    with pytest.raises(ValueError, match="must fit in 64 bits"):
        KnownEntities(np.zeros(0, "int64"), np.zeros(0, "int64"), 2**40, 2**23)


def test_wikidata5m_fits():
    # 4.6 million entities, 822 relations and their inverses, queries for both sides.
    num_entities, num_queries = 4_600_000, 2 * 4_600_000 * 2 * 822
    queries, entities = np.array([0, num_queries - 1]), np.array([0, num_entities - 1])
    known = KnownEntities(queries, entities, num_queries, num_entities)
    np.testing.assert_array_equal(
        known.among(tf.constant(queries[None]), tf.constant(entities[None])),
        [np.eye(2, dtype=bool)],
    )
    # Their numbers do not overflow where many chunks are told apart, either.
    result = known.among(
        tf.constant(np.tile(queries, (500, 1))), tf.constant(np.tile(entities, (500, 1)))
    )
    np.testing.assert_array_equal(result, np.tile(np.eye(2, dtype=bool), (500, 1, 1)))
