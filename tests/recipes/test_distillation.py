"""The recipe runs small on bundled data; what is held out is told to nobody; it is exported."""

import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture(scope="module")
def recipe(load_recipe):
    return load_recipe("distillation")


def _small(recipe, tmp_path, **settings):
    return recipe.Config(
        dim=16,
        teacher_dim=8,
        teacher_epochs=1,
        steps=6,
        epochs=2,
        batch_size=32,
        labelled=0.1,
        run=str(tmp_path / "run"),
        **{"export": str(tmp_path / "relations"), **settings},
    )


@pytest.mark.slow
def test_it_runs_resumes_and_exports(recipe, tmp_path, last_line, run_in_clean_process):
    result = recipe.main(_small(recipe, tmp_path))
    assert result == last_line()
    assert 0 <= result["undistilled_accuracy"] <= 1
    assert result["gain_from"] <= result["accuracy"] - result["undistilled_accuracy"] + 1e-4
    again = recipe.main(_small(recipe, tmp_path, export=None))
    assert {**again, "seconds": 0} == {**result, "seconds": 0}
    folder = tmp_path / "relations" / "1"
    asked = {"head": ["Lima", "nobody"], "tail": ["Peru", "nothing"]}
    answer = run_in_clean_process(folder, "relations", asked)
    here = tf.saved_model.load(str(folder)).signatures["relations"]
    here = here(**{name: tf.constant(texts) for name, texts in asked.items()})
    np.testing.assert_allclose(answer["scores"], here["scores"], rtol=1e-5)
    names = [[name.decode() for name in row] for row in here["relations"].numpy()]
    assert answer["relations"] == names


def test_what_is_held_out_is_told_to_nobody(recipe, load_recipe, tmp_path):
    config = _small(recipe, tmp_path)
    task = load_recipe("described_pairs").load_task(config)
    asked = np.concatenate([task.valid, task.test])
    told = set(task.graph.triples[:, [0, 2]].ravel().tolist())
    hidden = set(asked[:, [0, 2]].ravel().tolist()) - told
    assert all(head in hidden or tail in hidden for head, _, tail in asked.tolist())
    assert len(hidden) > 0.05 * task.graph.num_entities
    assert len(np.unique(task.labelled)) == int(0.1 * task.graph.num_triples)


def test_order_follows_from_seed_and_epoch(recipe, load_recipe, tmp_path):
    config = _small(recipe, tmp_path)
    pairs = load_recipe("described_pairs")
    texts = recipe.pipelines.TripleTexts(
        np.arange(40).reshape(20, 2) + 1, np.full(20, 2), np.ones((2, 1)), np.ones(2)
    )
    triples = np.stack([np.arange(20) for _ in range(3)], axis=1)
    config = recipe.dataclasses.replace(config, batch_size=5)

    def labels(first_step, count):
        made = pairs.batches(texts, triples, np.arange(20), np.zeros((20, 3)), config, first_step)
        return [label.numpy().tolist() for _, label in made.take(count)]

    two = labels(0, 8)
    assert sorted(np.ravel(two[:4]).tolist()) == sorted(np.ravel(two[4:]).tolist())
    assert len(set(np.ravel(two[:4]).tolist())) == 20
    assert two[:4] != two[4:]
    assert labels(3, 4) == two[3:7]
