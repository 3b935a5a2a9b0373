"""The recipe of writers, small."""

import keras
import numpy as np
import pytest

from kgkeras import agents, datasets, export


@pytest.fixture(scope="module")
def recipe(load_recipe):
    pytest.importorskip("sacrebleu")
    return load_recipe("grounded_generation")


@pytest.mark.slow
def test_writes_measures_and_exports(recipe, tmp_path, last_line):
    config = recipe.Config(
        dim=32,
        num_layers=1,
        max_words=40,
        batch_size=16,
        epochs=2,
        learning_rate=5e-3,
        reader_epochs=16,
        reward_steps=20,
        limit=600,
        run=str(tmp_path / "run"),
        export=str(tmp_path / "writer"),
    )
    result = recipe.main(config)
    assert result == last_line()
    # That rewards teach is shown of what is learned from: among a few texts chance decides here.
    for name in ("factual_f1", "supervised_factual_f1", "people_factual_f1"):
        assert 0.1 < result[name] <= 1
    writer = keras.models.load_model(tmp_path / "run" / "writer.keras")
    assert isinstance(writer, agents.KnowledgeWriter)
    assert not export.check_saved_model(tmp_path / "writer" / "1")


def test_batches_resume_as_if_never_interrupted(recipe):
    config = recipe.Config(batch_size=4, seed=3)
    arrays = {"text": np.arange(10), "facts": np.arange(10) ** 2}

    def texts(first_epoch, skip=0):
        batches = recipe.batches(config, arrays, first_epoch).skip(skip).take(4)
        return [batch["text"].tolist() for batch in batches.as_numpy_iterator()]

    whole = texts(0)
    assert texts(0, skip=2)[:2] == texts(1)[:2] == whole[2:]  # two batches an epoch
    assert whole[:2] != whole[2:]
    assert all(len({*first, *second}) == 8 for first, second in (whole[:2], whole[2:]))


def test_figures(recipe):
    examples = [
        datasets.VerbalisedFacts(
            (("Lima", "capital_of", "Peru"),), ("Lima is in Peru.", "So it is.")
        ),
        datasets.VerbalisedFacts((("Quito", "capital_of", "Ecuador"),), ("Quito is in Ecuador.",)),
    ]
    texts = [example.texts[0] for example in examples]
    assert recipe.bleu(texts, examples) == pytest.approx(100)
    assert recipe.bleu(["a", "b"], examples) < 1
    tokens = agents.FactTokens.from_examples(examples, min_count=1, max_words=12)
    arrays = recipe.encode(tokens, examples)
    assert arrays["text"].shape == (3, 12)
    reader = agents.FactReader(tokens, dim=16, dropout=0.0)
    config = recipe.Config(batch_size=2)
    keras.utils.set_random_seed(0)
    reader.compile(keras.optimizers.Adam(0.01))
    one = recipe.encode(tokens, examples, texts=1)
    reader.fit(recipe.batches(config, one), epochs=30, verbose=0, shuffle=False)
    figures = recipe.factual(config, reader, texts, examples, one["triples"])
    np.testing.assert_allclose(list(figures.values()), [1, 1, 1])
    figures = recipe.factual(config, reader, [texts[0], "Nothing."], examples, one["triples"])
    np.testing.assert_allclose(list(figures.values()), [1, 0.5, 2 / 3])


def test_orders_change_what_is_read_and_not_what_is_said(recipe):
    config = recipe.Config(orders=3, limit=40)
    examples = [e for e in recipe.load(config, "train") if len(e.triples) > 1]
    read = recipe.reordered(config, examples)
    assert len(read) == 3 * len(examples)
    assert any(new.triples != old.triples for new, old in zip(read, examples, strict=False))
    tokens = agents.FactTokens.from_examples(examples, min_count=1)
    arrays = recipe.encode(tokens, read, texts=1)
    for new, old, text in zip(read, 3 * examples, arrays["text"], strict=True):
        assert sorted(new.triples) == sorted(old.triples)
        plain = tokens.decode(
            tokens.encode_text(old.texts[0], tokens.entities(old.triples)),
            tokens.entities(old.triples),
        )
        assert tokens.decode(text, tokens.entities(new.triples)) == plain
