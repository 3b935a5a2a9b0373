"""The recipe that times the local server."""

import pytest
import tensorflow as tf


class Shout(tf.Module):
    """A model of texts."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def answer(self, text):
        return {"loud": tf.strings.upper(text)}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("models") / "shout"
    model = Shout()
    for version in (2, 10):
        tf.saved_model.save(model, str(base / str(version)), {"serving_default": model.answer})
    return base


@pytest.mark.slow
def test_both_servers_are_asked(load_recipe, last_line, base, tmp_path):
    recipe = load_recipe("serving_speed")
    config = recipe.Config(
        model_base_path=str(base),
        clients=5,
        rounds=1,
        seconds=0.5,
        run=str(tmp_path / "run"),
    )
    result = recipe.main(config)
    assert last_line() == result
    assert result["requests_per_second"] > 20
    assert result["batched_requests_per_second"] > 20
    assert -1 < result["overhead_ms"] < 1000
    assert "Traceback" not in (tmp_path / "run" / "with.log").read_text()


def test_a_refused_request_is_no_answer(load_recipe):
    is_complete = load_recipe("serving_speed")._is_complete
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    assert [is_complete(whole[:n]) for n in (5, 30, len(whole))] == [False, False, True]
    for answer in (b"", b"HTTP/1.1 400 Bad Request\r\n"):
        with pytest.raises(RuntimeError, match="The server refused"):
            is_complete(answer)


def test_the_latest_version_is_asked(load_recipe, base, tmp_path):
    recipe = load_recipe("serving_speed")
    assert recipe.latest(base) == str(base / "10")
    with pytest.raises(FileNotFoundError, match="No version of a model in"):
        recipe.latest(tmp_path)
