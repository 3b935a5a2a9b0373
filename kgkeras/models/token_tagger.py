"""Which words of a text name something, and what kind of thing, in the light of a graph."""

import keras
from keras import ops

from kgkeras.checks import positive_int
from kgkeras.models.fused_text import (
    FusedTextModel,
    Knowledge,
    check_knowledge,
    check_place,
    encoded_words,
    token_inputs,
)
from kgkeras.models.triple_objective import checked_objective
from kgkeras.registration import serializable
from kgkeras.scorers import DistMult


@serializable
class TokenTagger(FusedTextModel):
    """Tags every word of a text, as for named entities, with what a graph knows fused in.

    `fit`, `evaluate` and `predict` are Keras' own: `losses.HiddenTokenLoss()` is the loss of the
    words that have a tag, `metrics.SpanF1()` their figure, `pipelines.encode_tagged` makes texts
    and tags of them. Batches that hold triples of the graph teach the tables these too, as in
    `JointModel`. Without `triples` this is the text-only twin.

    Args:
        encoder: `keras.Model` from `{"token_ids", "padding_mask"}` to `(batch, tokens, dim)`.
        head: Layer from the tokens' vectors to outputs: `layers.ClassificationHead(num_tags)`.
        triples: `layers.TripleEmbedding`, or None for the text-only twin.
        fusion: A `layers.Fusion`; needed with `triples`.
        scorer: A `scorers.Scorer`; `DistMult` where None.
        fusion_after: As for `JointModel`.
        max_mentions: How many of a text's entities a fusion that chooses among candidates sees.
        kg_weight: As for `JointModel`.
        kg_loss: As for `JointModel`.

    Call arguments:
        inputs: Dict of `token_ids` `(batch, tokens)` int32, `padding_mask` `(batch, tokens)` bool
            and, with `triples`, `entity_ids` `(batch, tokens)` int32, negative for no entity. See
            `JointModel` for what training may add. Further keys are ignored.

    Returns:
        What `head` returns: logits `(batch, tokens, num_tags)`. The first token of a word speaks
        for it.

    Raises:
        ValueError: As for `JointModel`.

    Reference: Devlin et al., BERT, NAACL 2019, section 5.3.

    Example:
    ```python
    task = datasets.load_tagged("WNUT17")
    head = layers.ClassificationHead(len(task.tags), dropout=0.1)
    model = TokenTagger(encoder, head, triples, layers.GatedFusion())
    model.compile("adam", losses.HiddenTokenLoss(), metrics=[metrics.SpanF1()])
    inputs, tags = pipelines.encode_tagged(preprocessor, task.train)
    batches = pipelines.joint_batches(inputs, tags, graph, batch_size=32)
    model.fit(batches, steps_per_epoch=100, epochs=5, shuffle=False)
    ```
    """

    parts = ("encoder", "head", "triples", "fusion", "scorer", "kg_loss", "kg_weight")
    settings = ("fusion_after", "max_mentions")

    def __init__(
        self,
        encoder,
        head,
        triples=None,
        fusion=None,
        scorer=None,
        *,
        fusion_after=None,
        max_mentions=8,
        kg_weight=1.0,
        kg_loss=None,
        **kwargs,
    ):
        check_knowledge(triples, fusion)
        check_place(encoder, fusion, fusion_after)
        max_mentions = positive_int("max_mentions", max_mentions)
        kg_weight, kg_loss = checked_objective(kg_weight, kg_loss)

        # === Graph ===
        inputs = token_inputs(encoder)
        tokens, knowledge = dict(inputs), None
        if triples is not None:
            entity_ids = keras.Input((None,), dtype="int32", name="entity_ids")
            inputs.setdefault("entity_ids", entity_ids)
            knowledge = Knowledge(triples.entities, inputs["entity_ids"], max_mentions)
        _, words, weights = encoded_words(encoder, tokens, knowledge, fusion, fusion_after)
        super().__init__(inputs, head(words), **kwargs)

        # === Parts and configuration ===
        self.encoder, self.head, self.fusion = encoder, head, fusion
        self.fusion_after, self.max_mentions = fusion_after, max_mentions
        self._fusion_weights = weights
        self._set_objective(triples, scorer or DistMult(name="scorer"), kg_weight, kg_loss)

    def compute_task_loss(self, x, y, y_pred, sample_weight, training):
        y = _as_long(y, y_pred)
        return super().compute_task_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, _as_long(y, y_pred), y_pred, sample_weight)


def _as_long(tags, logits):
    """Tags without those of the padding that batches have been trimmed of."""
    return tags[:, : ops.shape(logits)[1]]
