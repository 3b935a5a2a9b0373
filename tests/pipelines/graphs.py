"""Small graphs at random, and their batches, for the tests of the pipelines."""

import itertools

import numpy as np
from hypothesis import strategies as st

from kgkeras import kg

ENTITIES, RELATIONS = 7, 3
FACTS = st.lists(
    st.tuples(st.integers(0, ENTITIES - 1), st.integers(0, RELATIONS - 1), st.integers(0, 6)),
    min_size=1,
    max_size=30,
)


def graph(facts, num_entities=ENTITIES, num_relations=RELATIONS):
    return kg.KnowledgeGraph(
        [f"e{i}" for i in range(num_entities)],
        [f"r{i}" for i in range(num_relations)],
        np.array(facts, dtype="int32").reshape(-1, 3),
    )


def skewed(num_facts=2000, num_entities=50, num_relations=4, seed=0):
    """A few entities have most of the facts, and the last two have none."""
    rng = np.random.default_rng(seed)
    ends = np.minimum(rng.geometric(0.08, (num_facts, 2)), num_entities - 2) - 1
    relation = rng.integers(0, num_relations, num_facts)
    return graph(np.stack([ends[:, 0], relation, ends[:, 1]], 1), num_entities, num_relations)


def take(dataset, count, skip=0):
    return list(itertools.islice(dataset.as_numpy_iterator(), skip, skip + count))


def columns(batches, *names):
    """The batches of each column, one behind the other: `(rows, names)`."""
    return np.stack([np.concatenate([b[name] for b in batches]) for name in names], axis=1)


def assert_same(one, other):
    for x, y in zip(one, other, strict=True):
        assert x.keys() == y.keys()
        for name in x:
            np.testing.assert_array_equal(x[name], y[name])
