"""The benchmark of walkers, small."""

import pytest


@pytest.mark.slow
def test_counts_steps(load_recipe, last_line, shared_data):
    recipe = load_recipe("benchmark_walks")
    config = recipe.Config(
        data="UMLS", walkers=32, walks=4, max_actions=20, dim=8, hidden_dim=8, seconds=0.05
    )
    result = recipe.main(config)
    assert result == last_line()
    kinds = ("environment", "walk_relations", "train_relations", "walk_entities", "train_entities")
    assert all(result[kind] > 0 for kind in kinds)
    assert result["environment"] > result["train_entities"]
