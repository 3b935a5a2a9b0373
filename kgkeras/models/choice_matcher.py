"""Chooses the answer whose text fits a question's best: both are read apart."""

import keras
from keras import ops

from kgkeras.checks import describe
from kgkeras.layers import ChoiceRows
from kgkeras.models.composed import ComposedModel
from kgkeras.models.text_link_predictor import TextLinkPredictor
from kgkeras.models.text_tower import token_columns, token_inputs
from kgkeras.registration import serializable


@serializable
class ChoiceMatcher(ComposedModel):
    """A bi-encoder of questions and answers, which may have learned a graph's facts before.

    A question is read as `links` reads a head and a relation, an answer as it reads a tail, and an
    answer's logit is what `links` would score: the cosine of both over the learned temperature. So
    the facts that `links` has learned are answers that the model knows already. A question is read
    once, not beside each of its choices as a `KnowledgeClassifier` reads it. `fit`, `evaluate` and
    `predict` are Keras' own.

    Args:
        links: `TextLinkPredictor`; its weights go on learning.

    Call arguments:
        inputs: Dict of `token_ids` and `padding_mask` `(batch, words)`, the questions, and of
            `choice_token_ids` and `choice_padding_mask` `(batch, choices, words)`, as
            `pipelines.encode_choices` makes them. Further keys are ignored.

    Returns:
        Logits `(batch, choices)`.

    Raises:
        ValueError: If `links` is no `TextLinkPredictor`.

    Example:
    ```python
    links = TextLinkPredictor(encoder)
    links.compile(keras.optimizers.AdamW(1e-4), losses.CrossEntropyLoss())
    links.fit(pipelines.text_triple_batches(facts, texts, batch_size=128), steps_per_epoch=1000)
    model = ChoiceMatcher(links)
    ```
    """

    parts = ("links",)

    def __init__(self, links, **kwargs):
        if not isinstance(links, TextLinkPredictor):
            raise ValueError(f"`links` must be a TextLinkPredictor. {describe(links)}.")

        # === Graph ===
        questions, choices = token_inputs(), _choice_inputs()
        split = ChoiceRows(name="choices")
        rows = {name: split(column) for name, column in token_columns(choices, "choice_").items()}
        asked = links.sharpness(links.query_tower(dict(questions)))
        answers = links.entity_tower(rows)
        column = choices["choice_token_ids"]
        logits = _Products(name="beside", dtype="float32")(asked, answers, column)
        super().__init__({**questions, **choices}, logits, **kwargs)

        # === Parts and configuration ===
        # Batches are of many lengths: XLA would compile for each.
        self.supports_jit = False
        self.links = links

    def call(self, inputs, training=None, mask=None):
        return super().call({name: inputs[name] for name in self._inputs_struct}, training=training)


class _Products(keras.layers.Layer):
    """Each question's vector times those of its own choices, which stand one after the other."""

    def call(self, questions, answers, column):
        # (batch, choices, dim) times (batch, dim, 1)
        answers = ops.reshape(answers, (-1, ops.shape(column)[1], questions.shape[-1]))
        return ops.squeeze(ops.matmul(answers, ops.expand_dims(questions, -1)), -1)

    def compute_output_spec(self, questions, answers, column):
        return keras.KerasTensor(column.shape[:2], dtype="float32")


def _choice_inputs():
    """Symbolic inputs by name."""
    return {
        f"choice_{name}": keras.Input((None, None), dtype=dtype, name=f"choice_{name}")
        for name, dtype in (("token_ids", "int32"), ("padding_mask", "bool"))
    }
