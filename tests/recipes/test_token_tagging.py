"""The recipe of named entities, small."""

import dataclasses
import json

import numpy as np
import pytest

from kgkeras import pipelines, text


@pytest.fixture(scope="module")
def recipe(load_recipe):
    return load_recipe("token_tagging")


@pytest.mark.slow
def test_rows(recipe, shared_data, tmp_path, last_line, capsys, run_in_clean_process):
    run = tmp_path / "run"
    config = recipe.Config(
        limit=200, epochs=2, kg_epochs=2, run=str(run), export=str(tmp_path / "models")
    )
    result = recipe.main(config)
    assert result == last_line()
    assert json.loads((run / "metrics.json").read_text()) == result
    assert {"f1", "text_only_f1", "knowledge_f1", "words_f1", "control_f1", "gain"} <= set(result)
    assert (run / "learning_curves.png").stat().st_size
    texts = ["Lincoln was shot in Washington .", ""]
    answer = run_in_clean_process(tmp_path / "models" / "1", "serving_default", {"text": texts})
    assert all(span in texts[0] for span in answer["spans"][0])
    assert not any(answer["spans"][1])
    again = recipe.main(dataclasses.replace(config, export=None))  # finished: not trained again
    assert {**again, "seconds": 0} == {**result, "seconds": 0}


def test_tags_and_figures(recipe, shared_data):
    task = recipe.load_task(recipe.complete(recipe.Config(limit=40)))
    assert len(task.train) == len(task.test) == 40
    names = {name for name in task.graph.entity_texts.names if name}
    assert any(name in line for name in names for line in task.train.texts)
    figures = recipe.measure(task, task.test.tags, None)
    assert figures["f1"] == figures["precision"] == figures["recall"] == figures["low"] == 1
    nothing = [np.zeros_like(row) for row in task.test.tags]
    figures = recipe.measure(task, nothing, task.test.tags)
    assert figures["f1"] == 0
    assert figures["gain"] == -1
    # What a perfect model says of tokens comes back as the tags of the words.
    tokenizer = text.WordTokenizer.from_texts(task.test.texts)
    reads = recipe.preprocessor_of(tokenizer, task.graph, 128)

    _, tags = pipelines.encode_tagged(reads, task.test)

    class Perfect:
        """Knows the tags."""

        def predict(self, inputs, batch_size, verbose):
            assert inputs["token_ids"].shape == tags.shape
            return np.eye(9, dtype="float32")[np.maximum(tags, 0)]

    config = recipe.complete(recipe.Config(batch_size=10))
    told = recipe.tag(config, Perfect(), reads, task.test)
    for row, wanted in zip(told, task.test.tags, strict=True):
        np.testing.assert_array_equal(row, wanted)
