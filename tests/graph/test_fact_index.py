"""The facts that begin at entities, against a search through all of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import graph, kg


def _facts(seed, count=40, num_entities=9, num_relations=4):
    rng = np.random.default_rng(seed)
    return rng.integers(0, [num_entities - 1, num_relations, num_entities], (count, 3))


def _graph(facts, num_entities=9, num_relations=4):
    names = [
        [f"{kind}{i}" for i in range(n)]
        for kind, n in zip("er", (num_entities, num_relations), strict=True)
    ]
    return kg.KnowledgeGraph(*names, facts.astype("int32"))


def _found(index, entities):
    """`(owner, head, relation, tail)` rows, in order."""
    columns = index(tf.constant(entities, tf.int32))
    return sorted(zip(*(column.numpy().tolist() for column in columns), strict=True))


def _expected(facts, entities):
    return sorted((i, *map(int, f)) for i, e in enumerate(entities) for f in facts if f[0] == e)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("entities", [[3], [5, 2, 5, 0], [8], [], list(range(9))])
def test_finds_what_a_search_finds(seed, entities):
    facts = _facts(seed)
    assert facts[:, 0].max() < 8  # nothing begins at entity 8
    index = graph.FactIndex(9, 4, len(facts), facts)
    assert _found(index, entities) == _expected(facts, entities)


def test_of_a_graph_it_holds_each_fact_once():
    facts = np.concatenate([_facts(0), _facts(0)[:7]])
    knowledge = _graph(facts)
    index = graph.FactIndex.from_graph(knowledge, name="facts")
    distinct = np.unique(facts, axis=0)
    assert (index.num_entities, index.num_relations, index.num_facts) == (9, 4, len(distinct))
    assert _found(index, range(9)) == _expected(distinct, range(9))
    both = graph.FactIndex.from_graph(knowledge.with_inverses())
    assert _found(both, [4]) == sorted(
        [(0, 4, int(r), int(t)) for h, r, t in distinct if h == 4]
        + [(0, 4, int(r) + 4, int(h)) for h, r, t in distinct if t == 4]
    )


def test_facts_are_saved_with_a_model_and_not_trained(tmp_path):
    facts = _facts(1)
    index = graph.FactIndex(9, 4, len(facts), facts, name="facts")
    assert not index.trainable_weights
    assert sum(w.value.dtype.size * int(np.prod(w.shape)) for w in index.weights) == 8 * 40 + 4 * 10
    entities = keras.Input(batch_shape=(None,), dtype="int32")
    model = keras.Model(entities, index(entities))
    model.compile()
    assert not model.jit_compile
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras").get_layer("facts")
    assert len(loaded.weights) == len(index.weights) == 3
    assert loaded.get_config() == index.get_config()
    assert _found(loaded, [5, 2, 5]) == _expected(facts, [5, 2, 5])


def test_without_facts_it_finds_none_until_they_are_loaded():
    index = graph.FactIndex(9, 4, 40)
    assert _found(index, range(9)) == []
    facts = _facts(2)
    index.set_weights(graph.FactIndex(9, 4, 40, facts).get_weights())
    assert _found(index, [1, 7]) == _expected(facts, [1, 7])


def test_entities_that_do_not_exist():
    index = graph.FactIndex(9, 4, 40, _facts(3))
    with tf.device("CPU"):
        for entity in (-1, 9, 50):
            with pytest.raises(tf.errors.InvalidArgumentError, match="is not in"):
                index(tf.constant([entity]))


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("wrong", [-1, 9])
def test_ids_out_of_range(column, wrong):
    facts = _facts(0)
    facts[6, column] = wrong
    name, size = (("head", 9), ("relation", 4), ("tail", 9))[column]
    with pytest.raises(
        ValueError, match=rf"The {name} of fact 6 must lie in \[0, {size}\)\. Received: {wrong}\."
    ):
        graph.FactIndex(9, 4, 40, facts)


def test_bad_arguments():
    wanted = r"`facts` must be an integer array \(40, 3\)\. Received: "
    with pytest.raises(ValueError, match=wanted + r"shape \(39, 3\), dtype int64"):
        graph.FactIndex(9, 4, 40, _facts(0)[:39])
    with pytest.raises(ValueError, match=wanted + r"shape \(40, 3\), dtype float64"):
        graph.FactIndex(9, 4, 40, _facts(0).astype("float64"))
    for sizes in ((0, 4, 40), (9, 0, 40), (9, 4, 0)):
        with pytest.raises(ValueError, match="must be a positive integer"):
            graph.FactIndex(*sizes)
    with pytest.raises(ValueError, match=r"`graph` must hold at least one fact\. Received: Know"):
        graph.FactIndex.from_graph(_graph(_facts(0)[:0]))
