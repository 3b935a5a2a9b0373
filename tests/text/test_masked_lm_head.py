"""The head that tells hidden tokens, tied to each encoder's own vectors."""

import keras
import keras_hub
import numpy as np
import pytest

from kgkeras import text

IDS = np.array([[2, 5, 6, 3]], "int32")
BATCH = {"token_ids": IDS, "padding_mask": IDS > 0}
POSITIONS = np.array([[1, 2]], "int32")


def _bert():
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=20, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=8
    )
    return text.PretrainedEncoder(backbone)


ENCODERS = {
    "transformer": lambda: text.TransformerEncoder(20, 8, num_layers=1, num_heads=2),
    "lstm": lambda: text.LSTMEncoder(20, 8),
    "bert": _bert,
}


@pytest.mark.parametrize("kind", ENCODERS)
def test_logits_are_products_with_the_encoders_vectors(kind):
    encoder = ENCODERS[kind]()
    head = text.masked_lm_head(encoder)
    words = encoder(BATCH)
    logits = np.asarray(head(words, POSITIONS))
    assert logits.shape == (1, 2, 20)
    table = encoder.token_embedding.embeddings
    before = np.asarray(table)
    dense, normalisation = head._intermediate_dense, head._intermediate_layer_norm
    hidden = np.asarray(normalisation(dense(np.asarray(words)[:, 1:3])))
    np.testing.assert_allclose(logits, hidden @ before.T, rtol=1e-4, atol=1e-5)
    assert sum(weight.shape == before.shape for weight in head.weights) <= 1  # no second table


def test_an_encoder_without_vectors_of_tokens():
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in BATCH}
    words = keras.layers.Embedding(20, 8)(inputs["token_ids"])
    encoder = keras.Model(inputs, words)
    assert text.masked_lm_head(encoder, 20)(encoder(BATCH), POSITIONS).shape == (1, 2, 20)
    with pytest.raises(ValueError, match="`vocabulary_size` must be given with an encoder"):
        text.masked_lm_head(encoder)
    with pytest.raises(ValueError, match="`vocabulary_size` must be a positive integer"):
        text.masked_lm_head(encoder, 0)
    with pytest.raises(ValueError, match="`vocabulary_size` must be 20, that of the encoder"):
        text.masked_lm_head(ENCODERS["lstm"](), 21)


def test_logits_have_all_digits_in_half_precision():
    embedding = text.TransformerEncoder(40, 8, 1, 2, 16, dtype="mixed_bfloat16").token_embedding
    words = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")
    embedding(np.zeros((1, 1), "int32"))
    found = keras.ops.convert_to_numpy(embedding(words, reverse=True))
    assert found.dtype == np.float32
    wanted = words @ keras.ops.convert_to_numpy(embedding.embeddings).T
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert embedding(np.zeros((1, 1), "int32")).dtype == "bfloat16"
