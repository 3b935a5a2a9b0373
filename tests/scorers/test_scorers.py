"""What every scorer promises."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import scorers
from tests.layer_check import check_layer
from tests.scorers.cases import BILINEAR, CASES, every_scorer, vectors

SHAPES = {
    "shared": ((4,), (5,)),
    "shared-by-groups": ((3, 4), (5,)),
    "own": ((3, 4), (3, 5)),
    "two-axes": ((2, 3, 4), (2, 3, 5)),
}
every_shape = pytest.mark.parametrize(("queries", "candidates"), SHAPES.values(), ids=SHAPES)
every_side = pytest.mark.parametrize("side", ["score_tails", "score_heads", "score_relations"])


def _arguments(case, side, queries, candidates):
    """Arguments of the method `side`, and the same ones for `call`."""
    relation_dim = case.make().relation_dim(case.dim)
    one, other = (vectors(*queries, case.dim, seed=seed) for seed in (1, 2))
    if side == "score_relations":
        many = 2 * vectors(*candidates, relation_dim, seed=3)
        arguments, place = (one, many, other), 1
    else:
        many = vectors(*candidates, case.dim, seed=3)
        relation = 2 * vectors(*queries, relation_dim, seed=4)
        place = 2 if side == "score_tails" else 0
        arguments = (one, relation, many) if place else (many, relation, one)
    pairs = [vector[..., None, :] for vector in arguments]
    pairs[place] = many[..., None, :, :]
    return arguments, pairs


@every_scorer
def test_agrees_with_the_reference(case):
    scorer = case.make()
    relation_dim = scorer.relation_dim(case.dim)
    triple = vectors(5, 1, case.dim), 2 * vectors(5, 4, relation_dim), vectors(5, 1, case.dim) + 1
    scores = check_layer(scorer, triple, expected_shape=(5, 4), num_weights=case.num_weights)
    np.testing.assert_allclose(scores, case.expected(scorer, *triple), rtol=1e-4, atol=1e-5)


@every_scorer
@every_side
@every_shape
def test_all_candidates_at_once(case, side, queries, candidates):
    arguments, pairs = _arguments(case, side, queries, candidates)
    scorer = case.make()
    scores = getattr(scorer, side)(*arguments)  # also builds the scorer
    assert scores.shape == (*queries, candidates[-1])
    np.testing.assert_allclose(scores, case.expected(scorer, *pairs), rtol=1e-4, atol=2e-5)
    slow = getattr(scorers.Scorer, side)(scorer, *arguments)
    np.testing.assert_allclose(scores, slow, rtol=1e-4, atol=2e-5)


@every_scorer
@every_side
def test_unknown_sizes_in_a_graph(case, side):
    arguments, _ = _arguments(case, side, (3, 4), (5,))
    scorer = case.make()
    method = getattr(scorer, side)
    expected = method(*arguments)
    signature = [
        tf.TensorSpec([None] * (array.ndim - 1) + [array.shape[-1]]) for array in arguments
    ]
    scores = tf.function(method, input_signature=signature)(*arguments)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


def _gradients(function, arguments):
    tensors = [tf.constant(argument) for argument in arguments]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        total = sum(tf.reduce_sum(part) for part in tf.nest.flatten(function(*tensors)))
    return [g.numpy() for g in tape.gradient(total, tensors, unconnected_gradients="zero")]


@every_scorer
@pytest.mark.parametrize("value", [0.0, 0.5])
def test_gradients_are_finite_where_vectors_coincide(case, value):
    scorer = case.make()
    entity = np.full((2, case.dim), value, "float32")
    relation = np.zeros((2, scorer.relation_dim(case.dim)), "float32")

    def everything(*triple):
        sides = scorer.score_tails, scorer.score_heads, scorer.score_relations
        scores = [function(*triple) for function in (scorer, *sides)]
        return scores + [keras.ops.power(factor, 3) for factor in scorer.factors(*triple)]

    for gradient in _gradients(everything, (entity, relation, entity)):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", ["TransE-2", "TransH-2", "RotatE-2"])
@pytest.mark.parametrize("gap", [0.0, 1e-4, 1e-3, 1e-2])
def test_rounding_does_not_blow_gradients_up(name, gap):
    # The true slope is 1; only rounding errors are left of the smallest differences.
    case = CASES[name]
    scorer = case.make()
    tail = 3 * vectors(40, 1, case.dim)
    head = tail + gap * vectors(40, 1, case.dim, seed=1)
    relation = np.zeros((40, 1, scorer.relation_dim(case.dim)), "float32")
    for method in (scorer.score_tails, scorer.score_heads):
        gradient = _gradients(method, (head, relation, tail))[0]
        assert np.linalg.norm(gradient, axis=-1).max() < 2.0


@pytest.mark.parametrize("name", ["TransE-2", "TransH-2", "RotatE-2", "PairRE-2", "MuRE"])
def test_expanded_distances_are_as_precise_as_promised(name):
    case = CASES[name]
    scorer = case.make()
    head = vectors(50, 1, 400) / np.sqrt(400)
    relation = np.zeros((50, 1, scorer.relation_dim(400)), "float32")
    if name != "RotatE-2" and name != "TransE-2":  # nothing moves, nothing is stretched
        relation[..., : relation.shape[-1] // 2] = 1.0
    if name == "PairRE-2":
        relation[..., 400:] = 1.0
    for gap, tolerance in ((0.0, 1.5e-3), (0.1, 2e-5), (1.0, 5e-6)):
        tail = head + gap * vectors(50, 1, 400, seed=1) / np.sqrt(400)
        exact = case.expected(scorer, head, relation, tail)
        np.testing.assert_allclose(
            scorer.score_tails(head, relation, tail)[..., 0], exact, rtol=0, atol=tolerance
        )
        np.testing.assert_allclose(
            scorer.score_heads(head, relation, tail)[..., 0], exact, rtol=0, atol=tolerance
        )


@every_scorer
@pytest.mark.parametrize("policy", ["float16", "bfloat16", "mixed_float16"])
def test_half_precision(case, policy):
    scorer = case.make(dtype=policy)
    dtype = scorer.compute_dtype
    for side in ("score_tails", "score_heads", "score_relations"):
        arguments, pairs = _arguments(case, side, (3, 4), (5,))
        for scores in (getattr(scorer, side)(*arguments), scorer(*pairs)):
            assert keras.backend.standardize_dtype(scores.dtype) == dtype
            expected = case.expected(scorer, *pairs)
            error = np.abs(np.asarray(scores, "float32") - expected).max()
            assert error < (0.01 if "float16" in dtype and dtype != "bfloat16" else 0.08) * (
                np.abs(expected).max()
            )


@pytest.mark.parametrize("name", ["TransE-2", "TransH-2", "RotatE-1", "RotatE-2"])
def test_squares_do_not_overflow_half_precision(name):
    case = CASES[name]
    scorer = case.make(dtype="float16")
    far = np.full((1, 400), 60.0)
    relation = np.zeros((1, scorer.relation_dim(400)))
    expected = -1200.0 if name != "RotatE-1" else -200 * 60 * 2**0.5
    for scores in (
        scorer(far, relation, 0 * far),
        scorer.score_tails(far, relation, 0 * far)[0],
        scorer.score_heads(far, relation, 0 * far)[0],
    ):
        np.testing.assert_allclose(np.asarray(scores, "float32"), expected, rtol=2e-3)


@every_scorer
def test_saved_by_name(case):
    scorer = case.make(name="mine")
    config = keras.saving.serialize_keras_object(scorer)
    assert config["registered_name"] == f"kgkeras>{type(scorer).__name__}"
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == scorer.get_config()
    assert again.name == "mine"


@pytest.mark.parametrize("name", ["TuckER", "ConvE"])
def test_weights_are_saved(name, tmp_path):
    case = CASES[name]
    scorer = case.make()
    sizes = case.dim, scorer.relation_dim(case.dim), case.dim
    inputs = [keras.Input((size,)) for size in sizes]
    triple = [vectors(5, size, seed=seed) for seed, size in enumerate(sizes)]
    model = keras.Model(inputs, scorer(*inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(triple), scorer(*triple), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", BILINEAR)
def test_linear_in_each_vector(name):
    case = CASES[name]
    scorer = case.make()
    relation = vectors(5, scorer.relation_dim(case.dim))
    if name == "QuatE":  # linear in relations of length 1
        quaternions = relation.reshape(5, 4, -1)
        quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    head, tail = vectors(5, case.dim, seed=1), vectors(5, case.dim, seed=2)
    scores = scorer(head, relation, tail)
    assert isinstance(scorer, scorers.BilinearScorer)
    for query, vector in (
        (scorer.tail_query(head, relation), tail),
        (scorer.head_query(relation, tail), head),
        (scorer.relation_query(head, tail), relation),
    ):
        assert query.shape == vector.shape
        np.testing.assert_allclose(np.sum(query * vector, axis=-1), scores, rtol=1e-4, atol=1e-5)


def test_queries_must_be_implemented():
    unfinished, one = scorers.BilinearScorer(), np.ones((1, 2))
    with pytest.raises(NotImplementedError, match="BilinearScorer must implement `tail_query`"):
        unfinished.score_tails(one, one, one)
    with pytest.raises(NotImplementedError, match="BilinearScorer must implement `head_query`"):
        unfinished.score_heads(one, one, one)
    with pytest.raises(NotImplementedError, match="must implement `relation_query`"):
        unfinished.score_relations(one, one, one)


@pytest.mark.parametrize(
    ("shapes", "received"),
    [
        (((2, 6), (2, 6), (2, 8)), r"tail\.shape=\(2, 8\)"),
        (((2, 6), (2, 3), (2, 6)), r"relation\.shape=\(2, 3\)"),
    ],
)
def test_lengths_that_do_not_fit(shapes, received):
    arguments = [np.zeros(shape, "float32") for shape in shapes]
    message = rf"ComplEx needs heads .* here 6, and relations of length 6\. .*{received}"
    with pytest.raises(ValueError, match=message):
        scorers.ComplEx()(*arguments)
    with pytest.raises(ValueError, match=message):
        scorers.ComplEx().score_tails(*arguments)


@pytest.mark.parametrize(
    ("name", "dim", "divisor"),
    [("ComplEx", 5, 2), ("RotatE", 5, 2), ("CP", 7, 2), ("SimplE", 7, 2), ("QuatE", 6, 4)],
)
def test_impossible_dim(name, dim, divisor):
    message = rf"{name} needs a `dim` that is a multiple of {divisor}: .* Received: dim="
    for wrong in (dim, 0):
        with pytest.raises(ValueError, match=message + str(wrong)):
            getattr(scorers, name)().relation_dim(wrong)


def test_mure_needs_room_for_the_bias():
    with pytest.raises(ValueError, match=r"MuRE needs a `dim` of at least 2.*Received: dim=1"):
        scorers.MuRE().relation_dim(1)


@pytest.mark.parametrize("name", ["TransE", "TransH", "RotatE", "PairRE"])
def test_unknown_norm(name):
    with pytest.raises(ValueError, match=r"`norm` must be one of 1, 2\. Received: 3"):
        getattr(scorers, name)(norm=3)


@pytest.mark.parametrize("name", ["TransE", "TransH", "RotatE", "PairRE"])
def test_squares_are_of_norm_2(name):
    with pytest.raises(ValueError, match=r"`squared` is for `norm=2`\. Received: norm=1"):
        getattr(scorers, name)(norm=1, squared=True)


@pytest.mark.parametrize("name", ["TransE", "TransH", "RotatE", "PairRE"])
def test_squares_rank_alike(name):
    case = CASES[f"{name}-squared"]
    arguments, _ = _arguments(case, "score_tails", (3, 4), (50,))
    squares = case.make().score_tails(*arguments)
    lengths = CASES[f"{name}-2"].make().score_tails(*arguments)
    np.testing.assert_allclose(squares, -np.square(lengths), rtol=1e-4)
    np.testing.assert_array_equal(np.argmax(squares, axis=-1), np.argmax(lengths, axis=-1))


def test_lengths_of_relations():
    lengths = {name: case.make().relation_dim(case.dim) for name, case in CASES.items()}
    assert lengths == {
        **dict.fromkeys(("DistMult", "ComplEx", "SimplE", "QuatE"), 8),
        **{f"TransE-{kind}": 8 for kind in (1, 2, "squared")},
        **{f"TransH-{kind}": 16 for kind in (1, 2, "squared")},
        **{f"PairRE-{kind}": 16 for kind in (1, 2, "squared")},
        **{f"RotatE-{kind}": 4 for kind in (1, 2, "squared")},
        "CP": 4,
        "MuRE": 14,
        "RESCAL": 64,
        "TuckER": 3,
        "ConvE": 12,
    }
    assert scorers.TuckER().relation_dim(8) == 8
