"""The softmax loss over tokens at the hidden places of a text."""

import keras
from keras import ops

from kgkeras.losses.counting import mean
from kgkeras.registration import serializable


@serializable
class HiddenTokenLoss(keras.losses.Loss):
    """The mean over a text's hidden places of `-log p(token)`.

    Call arguments:
        y_true: Integer tensor `(batch, places)`: the tokens that were there; -1 at unused places. A
            text without hidden places costs nothing.
        y_pred: Logits `(batch, places, tokens)`.

    Reference: Devlin et al., BERT, NAACL 2019.
    """

    def __init__(self, reduction="sum_over_batch_size", name="hidden_token_loss", **kwargs):
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true, y_pred):
        tokens = ops.cast(ops.maximum(y_true, 0), "int32")
        losses = keras.losses.sparse_categorical_crossentropy(
            tokens, ops.cast(y_pred, "float32"), from_logits=True
        )
        return mean(losses, y_true >= 0)
