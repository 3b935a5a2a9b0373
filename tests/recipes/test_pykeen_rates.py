"""The other half of the benchmark: what is timed, and that PyKEEN is asked in its own process."""

import importlib.util
import pathlib
import sys
import types

import pytest

RECIPES = pathlib.Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="module")
def recipes():
    sys.path.insert(0, str(RECIPES))
    import pykeen_rates
    import stopwatch

    yield types.SimpleNamespace(pykeen_rates=pykeen_rates, stopwatch=stopwatch)
    sys.path.remove(str(RECIPES))


@pytest.fixture
def clock(recipes, monkeypatch):
    """Time that passes only when told to; a quarter of it is the processor's."""
    now = types.SimpleNamespace(seconds=1000.0)
    fake = types.SimpleNamespace(
        perf_counter=lambda: now.seconds, process_time=lambda: now.seconds / 4
    )
    monkeypatch.setattr(recipes.stopwatch, "time", fake)
    return now


def test_rate_leaves_the_warm_up_out(recipes, clock):
    rate = recipes.stopwatch.Rate(seconds=6)
    steps = [100, 50, 25, 2, 2]
    for step in steps:
        clock.seconds += step
        rate(10)
    clock.seconds += 2
    with pytest.raises(recipes.stopwatch.TimeUpError):
        rate(10)
    assert rate.rate == 5.0
    assert rate.cores == 0.25


@pytest.mark.parametrize(
    ("goal", "limit", "history"),
    [
        (0.25, 100, [(2.0, 0.1), (4.0, 0.2), (6.0, 0.3)]),
        (0.9, 5, [(2.0, 0.1), (4.0, 0.2), (5.0, 0.3)]),
    ],
)
def test_until_stops_the_clock_while_it_looks(recipes, clock, goal, limit, history):
    qualities = iter([0.1, 0.2, 0.3])

    def evaluate():
        clock.seconds += 50
        return next(qualities)

    until = recipes.stopwatch.Until(evaluate, goal, every=2, limit=limit)
    clock.seconds += 100  # the first batch, which is not counted
    until(10)
    for _ in range(20):
        clock.seconds += 1
        try:
            until(10)
        except recipes.stopwatch.TimeUpError:
            break
    assert until.history == history


def test_best_batch_size(recipes):
    rates = {16: (3.0, 0.5), 32: (7.0, 0.25), 64: (5.0, 1.0)}
    assert recipes.stopwatch.best("16,32,64", rates.__getitem__) == (7.0, 0.25, 32)


def test_interpreter_without_pykeen(recipes, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho No module named 'pykeen' >&2\nexit 3\n")
    python.chmod(0o755)
    with pytest.raises(RuntimeError, match=r"must be an interpreter .* ended with 3: No module"):
        recipes.pykeen_rates.pykeen_rates(recipes.pykeen_rates.Config(), python)


@pytest.fixture
def folder(tmp_path):
    """A ring of 24 entities; valid and test are facts of train, so learning by heart is enough."""
    train = [f"e{i}\tr{step}\te{(i + step) % 24}\n" for i in range(24) for step in range(1, 6)]
    parts = {"train": train, "valid": train[::10], "test": train[7::10]}
    for part, lines in parts.items():
        (tmp_path / f"{part}.txt").write_text("".join(lines))
    return tmp_path


NEEDS_PYKEEN = pytest.mark.skipif(
    importlib.util.find_spec("pykeen") is None, reason="needs the extra `benchmark`"
)


@NEEDS_PYKEEN
@pytest.mark.slow
def test_rates(recipes, folder):
    config = recipes.pykeen_rates.Config(
        data=str(folder),
        dim=8,
        negatives=4,
        seconds=0.2,
        sampled_batches="16",
        one_vs_all_batches="16,32",
        ranking_batches="4",
        ranking_triples=8,
    )
    result = recipes.pykeen_rates.pykeen_rates(config)
    assert result["sampled"] > 0
    assert result["ranking_loop"] > 0
    # Each (head, relation) of the ring has one tail, and each (tail, relation) one head.
    assert result["one_vs_all"] == result["one_vs_all_queries"] > 0
    assert result["numbers_per_entity"] == 8
    assert result["batch_sizes"]["sampled"] == 16


@NEEDS_PYKEEN
@pytest.mark.slow
@pytest.mark.parametrize("training", ["one_vs_all", "sampled"])
def test_time_to_a_quality(recipes, folder, training):
    config = recipes.pykeen_rates.Config(
        data=str(folder),
        model="distmult",
        dim=16,
        learning_rate=0.03,
        until_mrr=0.6,
        training=training,
        batch_size=32,
        every=0.3,
        limit=30,
    )
    result = recipes.pykeen_rates.pykeen_rates(config)
    assert result["mrr"] >= 0.6
    assert 0 < result["seconds"] <= 30
    assert result["history"][-1] == [result["seconds"], result["mrr"]]
