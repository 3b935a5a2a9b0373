"""A text model and a knowledge graph under one objective: L = L_task + weight * L_KG."""

import keras

from kgkeras.checks import positive_int
from kgkeras.layers import MeanPooling, TripleReader
from kgkeras.models.fused_text import (
    FusedTextModel,
    Knowledge,
    check_knowledge,
    check_place,
    encoded_words,
    text_mask,
    token_inputs,
)
from kgkeras.models.triple_objective import checked_objective
from kgkeras.registration import serializable
from kgkeras.scorers import DistMult


@serializable
class JointModel(FusedTextModel):
    """Reads a text, looks its entities up, fuses them with the words, and learns the graph too.

    The entity and relation tables serve both objectives: the text's task reaches them through the
    fusion layer and through a `TripleReader`, which asks the graph's scorer how plausible the
    text's claim is; the graph's own triples reach them through `kg_loss`. `fit`, `evaluate` and
    `predict` are Keras' own. `loss`, `task_loss` and `kg_loss` are logged apart.

    Without `triples` this is the text-only twin: the same encoder, pooling and head.

    Args:
        encoder: `keras.Model` from `{"token_ids", "padding_mask"}` to `(batch, words, dim)`.
        head: Layer from a text's vector to outputs, such as `layers.ClassificationHead`.
        triples: `layers.TripleEmbedding`, or None for the text-only twin.
        fusion: A `layers.Fusion`; needed with `triples`.
        fusion_after: Number of the encoder's layers before the fusion, 0 for its input, with an
            encoder that has `encode_with`, as those of pretrained models have; None for behind the
            encoder.
        scorer: A `scorers.Scorer`; `DistMult` where None.
        pooling: Layer `(text, token_ids, padding_mask)` to `(batch, dim)`; `MeanPooling` if None.
        max_mentions: How many of a text's entities the reader and candidate fusion look at.
        readings: Readings of the `TripleReader`; 0 for none, so that fusion alone brings knowledge.
        kg_weight: At least 0, or a Keras `LearningRateSchedule` over the optimizer's steps.
        kg_loss: `keras.losses.Loss` over `(batch, triples, 2, 1 + negatives)` scores;
            `NegativeSamplingLoss()` where None.

    Call arguments:
        inputs: Dict of `token_ids` `(batch, words)` int32, `padding_mask` `(batch, words)` bool
            and, with `triples`, `entity_ids` `(batch, words)` int32, negative for no entity.
            While training it also holds `triples` `(batch, k, 3)`, `negatives` `(batch, n)` and
            optionally `known` `(batch, k, 2, n)` bool, True where the negative put in the place
            of the tail (first) or head (second) makes a true triple. Further keys are ignored.

    Returns:
        What `head` returns, such as logits `(batch, classes)`.

    Raises:
        ValueError: If `kg_weight` is negative, `triples` and `fusion` are not given together, or
            `kg_loss` is not a mean over the batch.
    """

    parts = ("encoder", "head", "triples", "fusion", "scorer", "pooling", "kg_loss", "kg_weight")
    settings = ("fusion_after", "max_mentions", "readings")

    def __init__(
        self,
        encoder,
        head,
        triples=None,
        fusion=None,
        scorer=None,
        *,
        fusion_after=None,
        pooling=None,
        max_mentions=8,
        readings=4,
        kg_weight=1.0,
        kg_loss=None,
        **kwargs,
    ):
        check_knowledge(triples, fusion)
        check_place(encoder, fusion, fusion_after)
        max_mentions = positive_int("max_mentions", max_mentions)
        kg_weight, kg_loss = checked_objective(kg_weight, kg_loss)
        scorer = scorer or DistMult(name="scorer")
        pooling = pooling or MeanPooling(name="pooling")

        # === Graph ===
        inputs = token_inputs(encoder)
        tokens = dict(inputs)
        read = tokens["token_ids"], text_mask(tokens)
        if triples is None:
            text, _, weights = encoded_words(encoder, tokens)
            features = pooling(text, *read)
        else:
            entity_ids = keras.Input((None,), dtype="int32", name="entity_ids")
            inputs.setdefault("entity_ids", entity_ids)
            knowledge = Knowledge(triples.entities, inputs["entity_ids"], max_mentions)
            text, fused, weights = encoded_words(encoder, tokens, knowledge, fusion, fusion_after)
            features = pooling(fused, *read)
            if readings:
                reader = TripleReader(scorer, triples.relations, readings, name="reader")
                claim = reader(pooling(text, *read), *knowledge.mentions())
                features = keras.layers.Concatenate(name="features")([features, claim])
        super().__init__(inputs, head(features), **kwargs)

        # === Parts and configuration ===
        self.encoder, self.head, self.pooling = encoder, head, pooling
        self.fusion_after = fusion_after
        self.max_mentions, self.readings, self.fusion = max_mentions, readings, fusion
        self._fusion_weights = weights
        self._set_objective(triples, scorer, kg_weight, kg_loss)
