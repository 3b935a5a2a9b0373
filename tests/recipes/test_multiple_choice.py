"""Multiple choice, small: knowledge finds what words cannot."""

import json

import pytest


@pytest.mark.slow
def test_knowledge_chooses_where_words_cannot(load_recipe, last_line, tmp_path):
    recipe = load_recipe("multiple_choice")
    config = recipe.Config(
        run=str(tmp_path / "run"),
        export=str(tmp_path / "saved"),
        models="counts,text_only,knowledge",
        kg_epochs=5,
        epochs=3,
        limit=600,
    )
    result = recipe.main(config)
    assert last_line() == json.loads(json.dumps(result))
    assert result["counts_accuracy"] > 0.9
    assert result["accuracy"] > 0.7
    assert result["text_only_accuracy"] < 0.35
    assert result["gain_low"] > 0.3
    assert (tmp_path / "saved" / "1" / "saved_model.pb").exists()
    assert (tmp_path / "run" / "learning_curves.png").exists()
    with pytest.raises(ValueError, match="`models` must be among counts, text_only, knowledge"):
        recipe.main(recipe.Config(models="both"))
