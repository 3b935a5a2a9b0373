"""A masked language model and a knowledge graph on the same weights."""

import keras
import numpy as np
from keras import ops

from kgkeras.checks import positive_int
from kgkeras.layers import ClassificationHead, DescribedTriples, EntityQuery
from kgkeras.models.hidden_places import (
    log_losses,
    logits_in_batch,
    logits_of_all,
    masked_lm_figures,
    sum_of_places,
)
from kgkeras.models.masked_lm_parts import (
    check_knowledge,
    check_place,
    fused_words,
    id_input,
    input_names,
    text_inputs,
    token_head,
)
from kgkeras.models.triple_objective import TripleObjective, checked_objective, count_texts
from kgkeras.ops import num_replicas
from kgkeras.registration import serializable
from kgkeras.scorers import DistMult


@serializable
class KnowledgeMaskedLM(TripleObjective):
    """Learns a language and a graph: `L = L_MLM + L_NSP + L_entity + weight * L_KG`.

    The graph reaches the language in one of two ways:

    - `triples` is a `TripleEmbedding`: entities have a table. Through `fusion` the vectors of a
      text's entities enter its words; with `entity_candidates` the words at a hidden mention are
      compared with entities' vectors, to tell which one it is.
    - `triples` is a `DescribedTriples`: an entity's vector is its description, read by the encoder
      itself (KEPLER), so that the graph trains the language model, and a new entity needs no more
      than a description.

    `compile` needs an optimizer and no loss; `pipelines.masked_text_batches` makes the batches.
    Logged apart are `mlm_loss`, `masked_accuracy` and `perplexity`, of the hidden tokens;
    `next_sentence_loss` and `next_sentence_accuracy`; `entity_loss` and `entity_accuracy`; their
    sum as `task_loss`, `kg_loss` and `kg_weight` with `triples`. Without `triples` this is the
    text-only twin.

    Args:
        encoder: `keras.Model` from `{"token_ids", "padding_mask"}` and perhaps `"segment_ids"` to
            `(batch, words, dim)`. Tokens are told by the vectors of its `token_embedding`, if it
            has one, as the encoders of `kgkeras.text` do.
        triples: `layers.TripleEmbedding`, `layers.DescribedTriples` or None.
        fusion: A `layers.Fusion`, or None. A hidden mention is not linked, so other words must
            tell it what they know: unless the fusion lets all words choose among entities, as
            `AttentionFusion` does, a layer has to follow, by `fusion_after` or `text_layers`.
        scorer: A `scorers.Scorer` for the triples; `DistMult` where None.
        vocabulary_size: Number of tokens, for an encoder without `token_embedding`.
        fusion_after: Number of the encoder's layers before the fusion, 0 for its input, with an
            encoder that has `encode_with`, as `text.TransformerEncoder`; None for behind the
            encoder.
        text_layers: List of layers behind the fusion, called `(words, padding_mask=...)`, such as
            `text.transformer_layer(dim)`.
        entity_candidates: Which entities a hidden mention is compared with: `"all"` of them, or
            those that are hidden in the `"batch"` (a replica's share) and its negatives; None for
            no such loss.
        next_sentence: Whether texts are pairs of sentences, and the first token tells whether the
            second one follows.
        max_mentions: How many of a text's entities a fusion that chooses among candidates sees.
        kg_weight: At least 0, or a Keras `LearningRateSchedule` over the optimizer's steps.
        kg_loss: As for `JointModel`.

    Call arguments:
        inputs: Dict of `token_ids`, `padding_mask` and `mask_positions` and, as the parts ask for
            them, `entity_ids`, `entity_positions` and `segment_ids`; in training also `triples`,
            `negatives`, `known`, `description_ids` and `description_mask`: see
            `pipelines.masked_text_batches`, also for the labels. Further keys are ignored.

    Returns:
        Dict of `tokens` `(batch, places, vocabulary_size)`, logits at the hidden places; with
        `entity_candidates`, `entities` `(batch, mentions, dim)`, vectors whose products with those
        of entities are logits; with `next_sentence`, `next_sentence` `(batch, 1)`, a logit.

    Raises:
        ValueError: If the parts do not fit each other, or as for `JointModel`.

    References: Devlin et al., BERT, NAACL 2019; Wang et al., KEPLER, TACL 2021; Zhang et al.,
    ERNIE, ACL 2019.

    Example:
    ```python
    model = KnowledgeMaskedLM(
        encoder, triples, layers.GatedFusion(), fusion_after=2, entity_candidates="all"
    )
    model.compile(keras.optimizers.Adam(1e-4))
    batches = pipelines.masked_text_batches(
        encoded, tokenizer, graph, batch_size=32, entity_rate=0.3
    )
    model.fit(batches, steps_per_epoch=1000, epochs=20, shuffle=False)
    ```
    """

    parts = ("encoder", "triples", "fusion", "text_layers", "scorer", "kg_loss", "kg_weight")
    settings = (
        "vocabulary_size",
        "fusion_after",
        "entity_candidates",
        "next_sentence",
        "max_mentions",
    )

    def __init__(
        self,
        encoder,
        triples=None,
        fusion=None,
        scorer=None,
        *,
        vocabulary_size=None,
        fusion_after=None,
        text_layers=(),
        entity_candidates=None,
        next_sentence=False,
        max_mentions=8,
        kg_weight=1.0,
        kg_loss=None,
        **kwargs,
    ):
        check_knowledge(triples, fusion, entity_candidates)
        check_place(encoder, fusion, fusion_after, text_layers)
        max_mentions = positive_int("max_mentions", max_mentions)
        kg_weight, kg_loss = checked_objective(kg_weight, kg_loss)

        # === Graph ===
        inputs = text_inputs(encoder, fusion)
        words = fused_words(encoder, inputs, triples, fusion, fusion_after, max_mentions)
        for layer in text_layers:
            words = layer(words, padding_mask=inputs["padding_mask"])
        text = dict(inputs), words
        inputs["mask_positions"] = id_input("mask_positions")
        outputs = {"tokens": token_head(encoder, vocabulary_size)(words, inputs["mask_positions"])}
        if entity_candidates:
            inputs["entity_positions"] = id_input("entity_positions")
            query = EntityQuery(triples.dim, name="entity_query")
            outputs["entities"] = query(words, inputs["entity_positions"])
        if next_sentence:
            head = ClassificationHead(1, "binary", name="next_sentence_head")
            outputs["next_sentence"] = head(words[:, 0])
        if isinstance(triples, DescribedTriples) and not triples.built:
            triples.build(words.shape)
        super().__init__(inputs, outputs, **kwargs)
        # Batches are of many lengths: XLA would compile for each.
        self.supports_jit = False

        # === Parts and configuration ===
        self.encoder, self.fusion, self._text = encoder, fusion, text
        self.vocabulary_size, self.max_mentions = vocabulary_size, max_mentions
        self.fusion_after, self.entity_candidates = fusion_after, entity_candidates
        self.next_sentence, self.text_layers = bool(next_sentence), list(text_layers)
        self._set_objective(triples, scorer or DistMult(name="scorer"), kg_weight, kg_loss)
        self._figures = masked_lm_figures(entity_candidates, next_sentence)

    def call(self, inputs, training=None, mask=None):
        return super().call({name: inputs[name] for name in self._inputs_struct}, training=training)

    def text_encoder(self):
        """The trained part for other tasks: a model that shares its weights.

        Returns:
            `keras.Model` from a dict of `token_ids`, `padding_mask` and, where there is `fusion`,
            `entity_ids`, each `(batch, words)`, to `(batch, words, dim)`.
        """
        inputs, words = self._text
        return keras.Model(dict(inputs), words, name="text_encoder")

    # === Descriptions ===

    def describe(self, token_ids, padding_mask, training=False):
        """Vectors of entities by their descriptions, `(..., tokens)` to `(..., dim)`.

        Raises:
            ValueError: If entities have a table.
        """
        if not isinstance(self.triples, DescribedTriples):
            raise ValueError(
                "Only a model with `DescribedTriples` reads descriptions. "
                f"Received: triples={self.triples!r}."
            )
        shape = ops.shape(token_ids)
        inputs = {
            "token_ids": ops.reshape(token_ids, (-1, shape[-1])),
            "padding_mask": ops.reshape(padding_mask, (-1, shape[-1])),
        }
        if "segment_ids" in input_names(self.encoder):
            inputs["segment_ids"] = ops.zeros_like(inputs["token_ids"])
        words = self.encoder(inputs, training=training)
        vectors = self.triples(words, inputs["token_ids"], inputs["padding_mask"])
        return ops.reshape(vectors, (*shape[:-1], vectors.shape[-1]))

    def entity_vectors(self, encoded, batch_size=64):
        """Vectors of entities, known in training or not, by their descriptions.

        Args:
            encoded: What `pipelines.encode_texts` returned for them.
            batch_size: Descriptions at a time.

        Returns:
            NumPy array `(entities, dim)`.

        Raises:
            ValueError: As in `describe`.
        """
        columns = [encoded[name] for name in ("token_ids", "padding_mask")]
        parts = [
            self.describe(*(ops.convert_to_tensor(c[i : i + batch_size]) for c in columns))
            for i in range(0, len(columns[0]), positive_int("batch_size", batch_size))
        ]
        return np.concatenate([ops.convert_to_numpy(ops.cast(p, "float32")) for p in parts])

    def triple_vectors(self, x, training=False):
        if not isinstance(self.triples, DescribedTriples):
            return super().triple_vectors(x, training)
        entities = self.describe(x["description_ids"], x["description_mask"], training)
        k = x["triples"].shape[1]
        head, tail, negatives = entities[:, :k], entities[:, k : 2 * k], entities[:, 2 * k :]
        relation = self.triples.relations(x["triples"][..., 1], training=training)
        return (head, relation, tail), negatives

    # === Training ===

    def compute_task_loss(self, x, y, y_pred, sample_weight, training):
        logits = y_pred["tokens"]
        loss = self._told("mlm", y["mask_ids"], logits, y["mask_weights"], x)
        if self.entity_candidates:
            columns, logits = self._entity_logits(x, y["entity_labels"], y_pred, training)
            loss += self._told("entity", columns, logits, y["entity_weights"], x)
        if self.next_sentence:
            if "next_sentence" not in y:
                raise ValueError(
                    "Labels must tell the `next_sentence`: batches do where `documents` are given. "
                    f"Received: {sorted(y)}."
                )
            loss += self._next_sentence_loss(y["next_sentence"], y_pred["next_sentence"][:, 0], x)
        # As Keras has it, the replicas' losses add up to the mean over the batch.
        return (loss + sum(self.losses)) / num_replicas()

    def _told(self, kind, labels, logits, weights, x):
        """The loss of what stands at hidden places; its figures are logged."""
        losses, used = log_losses(labels, logits), ops.cast(weights > 0, "float32")
        loss = sum_of_places(losses, weights)
        figures = self._figures[kind]
        figures["loss"].update_state(loss, count_texts(x))
        right = ops.cast(ops.argmax(logits, axis=-1), labels.dtype) == labels
        figures["accuracy"].update_state(right, used)
        if "perplexity" in figures:
            figures["perplexity"].update_state(ops.where(used > 0, losses, 0.0), used)
        return loss

    def _entity_logits(self, x, labels, y_pred, training):
        """Each place's own column, and the logits of the candidates."""
        entities, queries = self.triples.entities, y_pred["entities"]
        if self.entity_candidates == "all":
            return labels, logits_of_all(queries, entities, training)
        return logits_in_batch(queries, labels, x.get("negatives"), entities, training)

    def _next_sentence_loss(self, labels, logits, x):
        loss = ops.mean(
            ops.binary_crossentropy(ops.cast(labels, "float32"), logits, from_logits=True)
        )
        figures = self._figures["next_sentence"]
        figures["loss"].update_state(loss, count_texts(x))
        figures["accuracy"].update_state((logits > 0) == (labels > 0))
        return loss
