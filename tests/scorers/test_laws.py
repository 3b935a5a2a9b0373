"""What each scorer's equation implies, and its factors."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kgkeras import scorers
from tests.scorers.cases import CASES, every_scorer, vectors

DIM = 8
laws = settings(deadline=None, max_examples=12)


def _vector(size=DIM, low=-4.0):
    # Multiples of 1/8: sums of them are exact, and none is too small to square.
    return arrays.arrays("float32", (3, size), elements=st.integers(int(8 * low), 32)).map(
        lambda vector: vector / 8
    )


def _halves(vector):
    return np.split(vector, 2, axis=-1)


def _swap(vector):
    return np.roll(vector, vector.shape[-1] // 2, axis=-1)


def _equal(one, other, rtol=1e-4, atol=1e-3):
    np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


@laws
@given(_vector(), _vector(), _vector(), _vector())
def test_translations(head, relation, tail, shift):
    for norm in (1, 2):
        score = scorers.TransE(norm)
        _equal(score(head + shift, relation, tail + shift), score(head, relation, tail))
        _equal(score(head, relation, tail), score(tail, -relation, head))
        _equal(score(head, relation, head + relation), np.zeros(3))
        assert (np.asarray(score(head, relation, tail)) <= 0).all()


@laws
@given(_vector(), _vector(), _vector(), st.sampled_from([-2.0, 0.5, 3.0]))
def test_hyperplanes(head, translation, tail, scale):
    normal = vectors(3, DIM)
    relation = np.concatenate([normal, translation], axis=-1)
    scaled = np.concatenate([scale * normal, translation], axis=-1)
    back = np.concatenate([normal, -translation], axis=-1)
    for norm in (1, 2):
        score = scorers.TransH(norm)
        expected = score(head, relation, tail)
        _equal(score(head, scaled, tail), expected)
        _equal(score(head + scale * normal, relation, tail), expected)  # unseen on the plane
        _equal(score(tail, back, head), expected)


@laws
@given(_vector(), _vector(DIM // 2), _vector(), st.sampled_from([-1, 1, 3]))
def test_rotations(head, phases, tail, turns):
    for norm in (1, 2):
        score = scorers.RotatE(norm)
        expected = score(head, phases, tail)
        _equal(score(tail, -phases, head), expected)
        _equal(score(head, phases + 2 * np.pi * turns, tail), expected)
    # The lengths of both norms agree in one complex dimension.
    short = head[:, :2], phases[:, :1], tail[:, :2]
    _equal(scorers.RotatE(1)(*short), scorers.RotatE(2)(*short))


def test_rotations_compose():
    head, one, other = vectors(3, DIM), vectors(3, 4, seed=1), vectors(3, 4, seed=2)

    def rotated(vector, phases):
        real, imaginary = _halves(vector)
        turned = (real + 1j * imaginary) * np.exp(1j * phases)
        return np.concatenate([turned.real, turned.imag], axis=-1)

    tail = rotated(rotated(head, one), other)
    for norm in (1, 2):
        _equal(scorers.RotatE(norm)(head, one + other, tail), np.zeros(3), atol=1e-4)
        assert (np.asarray(scorers.RotatE(norm)(head, one, tail)) < -0.1).all()


@laws
@given(_vector(), _vector(2 * DIM), _vector())
def test_pairs_of_factors(head, relation, tail):
    for norm in (1, 2):
        score = scorers.PairRE(norm)
        expected = score(head, relation, tail)
        _equal(score(tail, _swap(relation), head), expected)
        _equal(score(2 * head, relation, 0.5 * tail), expected)
        symmetric = np.concatenate([relation[:, :DIM], -relation[:, :DIM]], axis=-1)
        _equal(score(head, symmetric, tail), score(tail, symmetric, head))


@laws
@given(_vector(), _vector(2 * DIM - 2), _vector(), st.floats(-4, 4, width=16))
def test_biases(head, relation, tail, bias):
    score = scorers.MuRE()
    more = np.zeros((3, DIM), "float32")
    more[:, -1] = bias
    expected = score(head, relation, tail)
    _equal(score(head + more, relation, tail), expected + bias)
    _equal(score(head, relation, tail + more), expected + bias)
    diagonal, translation = _halves(relation)
    fits = np.concatenate([diagonal * head[:, :-1] - translation, tail[:, -1:]], axis=-1)
    _equal(score(head, relation, fits), head[:, -1] + tail[:, -1])


@laws
@given(_vector(), _vector(), _vector())
def test_symmetric_and_antisymmetric(head, relation, tail):
    distmult, complex_ = scorers.DistMult(), scorers.ComplEx()
    _equal(distmult(head, relation, tail), distmult(tail, relation, head))
    real, imaginary = _halves(relation)
    nothing = np.zeros_like(real)
    score = complex_(head, relation, tail)
    _equal(complex_(tail, np.concatenate([real, -imaginary], -1), head), score)
    symmetric = np.concatenate([real, nothing], axis=-1)
    _equal(complex_(head, symmetric, tail), complex_(tail, symmetric, head))
    antisymmetric = np.concatenate([nothing, imaginary], axis=-1)
    _equal(complex_(head, antisymmetric, tail), -complex_(tail, antisymmetric, head))


@laws
@given(_vector(), _vector(), _vector())
def test_roles(head, relation, tail):
    forward, backward = _halves(relation)
    cp, simple = scorers.CP(), scorers.SimplE()
    _equal(cp(_swap(tail), forward, _swap(head)), cp(head, forward, tail))
    _equal(simple(tail, _swap(relation), head), simple(head, relation, tail))
    both = (cp(head, forward, tail) + cp(tail, backward, head)) / 2
    _equal(simple(head, relation, tail), both)
    # The other role's half does not count.
    other = head.copy()
    other[:, DIM // 2 :] += 1
    _equal(cp(other, forward, tail), cp(head, forward, tail))


@laws
@given(_vector(), _vector(low=0.125), _vector(), _vector(DIM // 4, low=0.125))
def test_quaternions(head, relation, tail, sizes):
    quate = scorers.QuatE()
    score = quate(head, relation, tail)
    _equal(quate(head, relation * np.tile(sizes, 4), tail), score)  # used at length 1
    conjugate = relation * np.repeat([1, -1, -1, -1], DIM // 4).astype("float32")
    _equal(quate(tail, conjugate, head), score)
    rotated = quate.tail_query(head, relation)
    _equal(np.linalg.norm(rotated, axis=-1), np.linalg.norm(head, axis=-1))


@laws
@given(_vector(), _vector(), _vector())
def test_diagonal_matrices_and_cores_are_distmult(head, relation, tail):
    expected = scorers.DistMult()(head, relation, tail)
    matrix = relation[:, :, None] * np.eye(DIM, dtype="float32")
    _equal(scorers.RESCAL()(head, matrix.reshape(3, -1), tail), expected)
    core = np.zeros((DIM, DIM, DIM))
    core[np.arange(DIM), np.arange(DIM), np.arange(DIM)] = 1
    tucker = scorers.TuckER(core_initializer=keras.initializers.Constant(core))
    _equal(tucker(head, relation, tail), expected)


@laws
@given(_vector(), _vector(DIM * DIM), _vector())
def test_transposed_matrices_are_inverse_relations(head, relation, tail):
    matrix = relation.reshape(3, DIM, DIM)
    transposed = np.swapaxes(matrix, 1, 2).reshape(3, -1)
    _equal(scorers.RESCAL()(tail, transposed, head), scorers.RESCAL()(head, relation, tail))


def _complex_moduli(vector):
    real, imaginary = _halves(vector)
    return np.abs(real + 1j * imaginary)


FACTORS = {
    "ComplEx": (_complex_moduli,) * 3,
    **{
        f"RotatE-{kind}": (_complex_moduli, np.zeros_like, _complex_moduli)
        for kind in (1, 2, "squared")
    },
    "QuatE": (lambda v: np.linalg.norm(v.reshape(5, 4, -1), axis=1),) * 3,
    "CP": (lambda v: np.abs(v[:, :4]), np.abs, lambda v: np.abs(v[:, 4:])),
}


@pytest.mark.parametrize("name", CASES)
def test_factors(name):
    case = CASES[name]
    scorer = case.make()
    lengths = case.dim, scorer.relation_dim(case.dim), case.dim
    triple = [vectors(5, length, seed=seed) for seed, length in enumerate(lengths)]
    functions = FACTORS.get(name, (np.abs,) * 3)
    factors = scorer.factors(*triple)
    assert len(factors) == 3
    for factor, function, vector in zip(factors, functions, triple, strict=True):
        np.testing.assert_allclose(factor, function(vector), rtol=1e-5, atol=1e-6)


@every_scorer
def test_only_phases_ask_for_an_initializer(case):
    initializer = case.make().relation_initializer()
    if not isinstance(case.make(), scorers.RotatE):
        assert initializer is None
        return
    phases = np.asarray(initializer((100, 100)))
    assert phases.min() < -3.1
    assert phases.max() > 3.1
    assert np.abs(phases).max() <= np.pi
