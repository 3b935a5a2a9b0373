"""The public surface: a rename shows in review, and every name has a docstring."""

import importlib
import inspect

import pytest

import kgkeras

PUBLIC = {
    "datasets": "InductiveSplits LabelledTexts Question TextTask load load_inductive "
    "load_negatives load_questions load_texts names",
    "evaluation": "plot_histories plot_word_weights relation_f1 word_weights",
    "export": "Endpoint ExportError Problem check_saved_model export_joint_model refuse "
    "run_warmup usage write_saved_model write_warmup",
    "layers": "AttentionFusion ClassificationHead ConcatFusion EntityEmbedding Fusion GatedFusion "
    "MeanPooling MentionIds RelationEmbedding SumFusion TokenPooling TripleEmbedding TripleReader",
    "losses": "NegativeSamplingLoss",
    "models": "JointModel",
    "ops": "first_mentions first_replica lookup num_replicas",
    "optimizers": "MultiRateAdam",
    "pipelines": "KnownTriples encode_texts joint_batches steps_per_epoch text_batches",
    "scorers": "ComplEx DistMult Scorer TransE",
    "text": "DictionaryLinker LSTMEncoder Mentions Preprocessor PretrainedEncoder StringList "
    "StringTable TransformerEncoder WordPieceTokenizer WordTokenizer Words load_encoder normalise "
    "split_words",
    "training": "Resume TrainingRun make_strategy parse_config set_seed setting write_json",
}


@pytest.mark.parametrize("room", sorted(PUBLIC))
def test_names(room):
    assert sorted(importlib.import_module(f"kgkeras.{room}").__all__) == sorted(
        PUBLIC[room].split()
    )


@pytest.mark.parametrize("room", [name for name in kgkeras.__all__ if not name.startswith("_")])
def test_every_public_name_has_a_docstring(room):
    module = importlib.import_module(f"kgkeras.{room}")
    assert module.__doc__
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), f"{room}.{name}"
