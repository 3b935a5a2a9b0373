import numpy as np
import pytest

from kgkeras import pipelines
from kgkeras.pipelines.triple_statistics import head_corruption_rates, subsampling_weights
from tests.pipelines import graphs

GRAPH = graphs.skewed()


def _take(count, graph=GRAPH, skip=0, **arguments):
    arguments = {"batch_size": 16, "num_negatives": 6, **arguments}
    return graphs.take(pipelines.sampled_batches(graph, **arguments), count, skip)


def _assert_distribution(draws, probabilities):
    """Each count lies within five standard deviations of what it should be."""
    counts = np.bincount(draws, minlength=len(probabilities))
    assert len(counts) == len(probabilities)
    expected = len(draws) * probabilities
    assert (np.abs(counts - expected) <= 5 * np.sqrt(expected)).all()


@pytest.mark.parametrize("corruption", ["uniform", "bernoulli"])
def test_negatives_are_uniform(corruption):
    batches = _take(200, corruption=corruption, chunk_size=4)
    draws = np.concatenate([batch["negatives"].ravel() for batch in batches])
    _assert_distribution(draws, np.full(50, 1 / 50))


@pytest.mark.parametrize("exponent", [0.0, 0.75, 1.0])
def test_negatives_follow_the_degree(exponent):
    degree = sum(np.bincount(GRAPH.triples[:, i], minlength=50) for i in (0, 2))
    assert degree[-2:].tolist() == [0, 0]
    batches = _take(200, corruption="degree", degree_exponent=exponent, chunk_size=1)
    draws = np.concatenate([batch["negatives"].ravel() for batch in batches])
    _assert_distribution(draws, degree**exponent / np.sum(degree**exponent))


def test_bernoulli_chooses_the_side_by_relation():
    # Relation 0 gives each head 4 tails, relation 1 each tail 4 heads, relation 2 is one to one.
    facts = [(i // 4, 0, i) for i in range(40)] + [(i, 1, i // 4) for i in range(40)]
    facts += [(i, 2, 39 - i) for i in range(40)]
    graph = graphs.graph(facts, num_entities=40)
    batches = _take(300, graph, corruption="bernoulli")
    relation, heads = graphs.columns(batches, "relation", "corrupt_head").T
    for r, probability in enumerate([0.8, 0.2, 0.5]):
        assert heads[relation == r].mean() == pytest.approx(probability, abs=0.05)
    np.testing.assert_allclose(head_corruption_rates(graph), [0.8, 0.2, 0.5])


def test_a_relation_without_facts_has_a_rate():
    np.testing.assert_allclose(head_corruption_rates(graphs.graph([(0, 1, 2)])), 0.5)


def test_subsampling_weights():
    facts = [(0, 0, 1), (0, 0, 2), (0, 0, 3), (4, 0, 3), (5, 1, 3)]
    counts = np.array([3 + 1, 3 + 1, 3 + 2, 1 + 2, 1 + 1]) + 6  # both counts start at 4, not 1
    expected = 1 / np.sqrt(counts)
    np.testing.assert_allclose(
        subsampling_weights(graphs.graph(facts)), expected / expected.mean(), rtol=1e-6
    )


def test_weights_stay_with_their_triples():
    weights = subsampling_weights(GRAPH)
    assert weights.mean() == pytest.approx(1, abs=1e-5)
    weight_of = {tuple(t): w for t, w in zip(GRAPH.triples.tolist(), weights, strict=True)}
    for batch in _take(3, subsampling=True):
        triples = graphs.columns([batch], "head", "relation", "tail").tolist()
        assert batch["weight"].tolist() == [weight_of[tuple(t)] for t in triples]


@pytest.mark.parametrize("chunk_size", [1, 4, 12])
@pytest.mark.parametrize("side", ["tail", "bernoulli", "both", "itself"])
@pytest.mark.parametrize("num_facts", [3, 60])
def test_known_negatives_are_marked(num_facts, chunk_size, side):
    # With 3 facts the entities' facts are looked up, with 60 each pair: see `KnownEntities`.
    facts = np.random.default_rng(0).integers(0, [7, 3, 7], (num_facts, 3)).tolist()
    graph, true = graphs.graph(facts), {tuple(fact) for fact in facts}
    arguments = {"batch_size": 12, "chunk_size": chunk_size, "filtered": True}
    arguments |= {"both_sides": side == "both", "self_negatives": side == "itself"}
    width = 6 + (chunk_size if side == "itself" else 0)
    arguments |= {"corruption": "bernoulli"} if side == "bernoulli" else {}
    for batch in _take(3, graph, **arguments):
        assert batch["known"].shape == (12, width)
        for i, n in np.ndindex(12, width):
            h, r, t = (int(batch[name][i]) for name in ("head", "relation", "tail"))
            other = int(batch["negatives"][i // chunk_size, n])
            head_lost = side == "bernoulli" and batch["corrupt_head"][i]
            expected = (other, r, t) in true if head_lost else (h, r, other) in true
            assert batch["known"][i, n] == expected
            if side == "both":
                other = int(batch["head_negatives"][i // chunk_size, n])
                assert batch["known_heads"][i, n] == ((other, r, t) in true)


@pytest.mark.parametrize(
    "arguments",
    [
        {"corruption": "degree", "both_sides": True, "filtered": True},
        {"corruption": "bernoulli", "chunk_size": 1, "subsampling": True},
    ],
)
def test_resuming_continues_the_stream(arguments):
    steps = pipelines.triple_steps(GRAPH, 16)
    whole = _take(2, skip=2 * steps, seed=5, **arguments)
    graphs.assert_same(whole, _take(2, first_epoch=2, seed=5, **arguments))
    other = _take(1, first_epoch=2, seed=6, **arguments)[0]
    assert not np.array_equal(whole[0]["negatives"], other["negatives"])


@pytest.mark.parametrize("chunk_size", [1, 4])
def test_what_a_query_gives_is_a_negative_too(chunk_size):
    arguments = {"both_sides": True, "chunk_size": chunk_size, "seed": 3}
    for plain, batch in zip(
        _take(3, **arguments), _take(3, self_negatives=True, **arguments), strict=True
    ):
        for name, given in (("negatives", "head"), ("head_negatives", "tail")):
            np.testing.assert_array_equal(batch[name][:, :6], plain[name])
            np.testing.assert_array_equal(batch[name][:, 6:].ravel(), batch[given])


def test_every_draw_is_another():
    first, second = _take(2, both_sides=True, num_negatives=50)
    draws = [b[name].ravel() for b in (first, second) for name in ("negatives", "head_negatives")]
    assert len({draw.tobytes() for draw in draws}) == 4


def test_triples_come_as_in_one_vs_all():
    plain = graphs.take(pipelines.one_vs_all_batches(GRAPH, batch_size=16, seed=2), 3)
    for one, other in zip(plain, _take(3, seed=2), strict=True):
        graphs.assert_same([one], [{name: other[name] for name in one}])


def test_shapes_are_static():
    spec = pipelines.sampled_batches(
        GRAPH,
        batch_size=16,
        num_negatives=6,
        chunk_size=4,
        both_sides=True,
        filtered=True,
        subsampling=True,
    ).element_spec
    assert {name: (tuple(s.shape), s.dtype.name) for name, s in spec.items()} == {
        **dict.fromkeys(("head", "relation", "tail"), ((16,), "int32")),
        **dict.fromkeys(("negatives", "head_negatives"), ((4, 6), "int32")),
        **dict.fromkeys(("known", "known_heads"), ((16, 6), "bool")),
        "weight": ((16,), "float32"),
    }
    batch = _take(1, corruption="bernoulli")[0]
    assert batch["negatives"].shape == (1, 6)
    assert batch["corrupt_head"].dtype == bool
    assert set(batch) == {"head", "relation", "tail", "negatives", "corrupt_head"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be a positive integer"),
        ({"num_negatives": 0}, "`num_negatives` must be a positive integer"),
        ({"chunk_size": 0}, "`chunk_size` must be a positive integer"),
        ({"chunk_size": 5}, "`chunk_size` must divide a replica's share of the batch, 16 triples"),
        ({"chunk_size": 32}, "`chunk_size` must divide a replica's share .* Received: 32"),
        ({"corruption": "type"}, "`corruption` must be one of 'uniform', 'bernoulli', 'degree'"),
        ({"corruption": "bernoulli", "both_sides": True}, "`both_sides` must be False where"),
        ({"corruption": "bernoulli", "self_negatives": True}, "`self_negatives` must be False"),
        ({"degree_exponent": -1}, "`degree_exponent` must be finite and at least 0"),
        ({"first_epoch": -1}, "`first_epoch` must be finite and at least 0"),
        ({"graph": graphs.graph([])}, "`graph` must hold at least one triple"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        _take(1, **arguments)
