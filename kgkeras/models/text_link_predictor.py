"""Predicts the missing entity of a fact from texts alone."""

import math

import keras
from keras import ops

from kgkeras.checks import describe, non_negative, positive
from kgkeras.layers import MeanPooling
from kgkeras.models.composed import ComposedModel
from kgkeras.models.tail_queue import TailQueue
from kgkeras.models.text_index import TextIndex
from kgkeras.models.text_tower import text_tower, token_columns, token_inputs
from kgkeras.ops import num_replicas
from kgkeras.ops.gathering import gathered
from kgkeras.registration import serializable


@serializable
class TextLinkPredictor(ComposedModel):
    """A bi-encoder (SimKGC): a head's and a relation's text on one side, a tail's on the other.

    The score of a triple is the cosine of the two vectors over a temperature. In training each
    query tells its tail from the others of the batch, of all replicas, and from what else the
    batches of `pipelines.text_triple_batches` hold: the query's own head, and a queue of the tails
    before. Known triples are no negatives. The loss is the one that `compile` is given, as a rule
    `losses.CrossEntropyLoss()`; `accuracy` is how often no other candidate scores higher.

    `index` reads the texts of all entities; then the model, and what `index` returns, answer as a
    `LinkPredictor` does. What is learned belongs to the words, so the entities may be new.

    Args:
        encoder: `keras.Model` from `{"token_ids", "padding_mask"}` to `(batch, tokens, dim)`, such
            as `text.PretrainedEncoder`.
        entity_encoder: Another one for tails, of the same `dim`; `encoder` where None.
        pooling: Layer `(text, token_ids, padding_mask)` to `(batch, dim)`; `MeanPooling` if None.
        head: Layer from that to the vectors to compare, such as `Dense`; none where None.
        temperature: To begin with.
        learn_temperature: Whether it is trained; its logarithm is.
        margin: What the cosine of a true triple loses in training, at least 0.
        queue_size: How many tails of the batches before are candidates, as many as the batches
            say; 0 for none.

    Call arguments:
        inputs: Dict of `query_token_ids`, `query_padding_mask`, `tail_token_ids` and
            `tail_padding_mask` `(batch, tokens)`; more in training.

    Returns:
        Dict of `query`, `(batch, dim)`, of length 1 over the temperature, and `tail`,
        `(batch, dim)`, of length 1. Their product is the score.

    Raises:
        ValueError: If a number is out of range, or the encoders are of different `dim`.

    Reference: Wang et al., SimKGC: Simple Contrastive Knowledge Graph Completion with Pre-trained
    Language Models, ACL 2022.

    Example:
    ```python
    texts = pipelines.TripleTexts.from_graph(train, tokenizer)
    model = TextLinkPredictor(encoder)
    model.compile(keras.optimizers.AdamW(5e-5), losses.CrossEntropyLoss())
    batches = pipelines.text_triple_batches(train.with_inverses(), texts, batch_size=256)
    model.fit(batches, steps_per_epoch=1000, shuffle=False)
    ranks = evaluation.rank(model.index(texts), test, known)
    ```
    """

    parts = ("encoder", "entity_encoder", "pooling", "head")
    settings = ("temperature", "learn_temperature", "margin", "queue_size")

    def __init__(
        self,
        encoder,
        entity_encoder=None,
        *,
        pooling=None,
        head=None,
        temperature=0.05,
        learn_temperature=True,
        margin=0.02,
        queue_size=0,
        **kwargs,
    ):
        _check_numbers(temperature, queue_size)
        margin = non_negative("margin", margin)
        pooling = pooling or MeanPooling(name="pooling")
        query_tower = entity_tower = text_tower(encoder, pooling, head, name="query_tower")
        if entity_encoder is not None:
            _check_dims(encoder, entity_encoder)
            entity_tower = text_tower(entity_encoder, pooling, head, name="entity_tower")

        # === Graph ===
        inputs = {**token_inputs("query_"), **token_inputs("tail_")}
        sharpness = _Sharpness(
            temperature, trainable=learn_temperature, dtype="float32", name="sharpness"
        )
        outputs = {
            "query": sharpness(query_tower(token_columns(inputs, "query_"))),
            "tail": entity_tower(token_columns(inputs, "tail_")),
        }
        super().__init__(inputs, outputs, **kwargs)

        # === Parts and configuration ===
        # Batches are of many lengths: XLA would compile for each.
        self.supports_jit = False
        self.encoder, self.entity_encoder, self.pooling = encoder, entity_encoder, pooling
        self.head, self.sharpness = head, sharpness
        self.query_tower, self.entity_tower = query_tower, entity_tower
        self.temperature, self.learn_temperature = temperature, learn_temperature
        self.margin, self.queue_size = margin, queue_size
        self.dim = outputs["tail"].shape[-1]
        self.queue = TailQueue(queue_size, self.dim, name="queue") if queue_size else None
        if queue_size:
            self.queue.build()
        self._trackers = {"accuracy": keras.metrics.Mean(name="accuracy")}
        self._index = None

    # === Training ===

    def call(self, inputs, training=None, mask=None):
        return super().call({name: inputs[name] for name in self._inputs_struct}, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        queries, tails = y_pred["query"], gathered(y_pred["tail"])
        labels, scores = ops.cast(x["labels"], "float32"), ops.matmul(queries, ops.transpose(tails))
        if "head_token_ids" in x:
            heads = self.entity_tower(token_columns(x, "head_"), training=training)
            own = ops.sum(queries * heads, axis=-1, keepdims=True)
            scores = ops.concatenate([scores, own], axis=1)
        if "queued" in x:
            labels, scores = self._with_queued(x["queued"], queries, labels, scores, training)
        self._check_width(labels, scores)
        self._trackers["accuracy"].update_state(_hits(labels, scores))
        loss = self._contrast(labels, scores, sample_weight, training)
        if "query_labels" in x:
            asked = ops.matmul(y_pred["tail"], ops.transpose(gathered(queries)))
            loss += self._contrast(x["query_labels"], asked, sample_weight, training)
            loss -= self._added_losses()  # Each contrast has them.
        if training and "queued" in x:
            self.queue.push(ops.stop_gradient(tails), gathered(x["tail"]))
        return loss

    def candidate_logits(self, x, y_pred, training=False):
        """What `KnowledgeDistillation` compares: scores `(batch, tails of the batch)`."""
        return ops.matmul(y_pred["query"], ops.transpose(gathered(y_pred["tail"])))

    def _contrast(self, labels, scores, sample_weight, training):
        """The compiled loss, where a true triple has to win by the margin."""
        labels = ops.cast(labels, "float32")
        scores -= self.margin * self.sharpness.factor() * ops.cast(labels == 1, "float32")
        return super().compute_loss(None, labels, scores, sample_weight, training)

    def _with_queued(self, queued, queries, labels, scores, training):
        """Labels and scores with the tails before as candidates, if they are what is queued."""
        width = ops.shape(scores)[1]
        if not training:
            return labels[:, :width], scores
        _check_queue(self.queue_size, queued, scores)
        ids = ops.reshape(ops.transpose(gathered(queued)), (-1,))
        # At the beginning, and where training goes on elsewhere, the queue holds others.
        fitting = ops.where(self.queue.ids == ids, labels[:, width:], -1.0)
        before = ops.matmul(queries, ops.transpose(self.queue.vectors))
        return (
            ops.concatenate([labels[:, :width], fitting], axis=1),
            ops.concatenate([scores, before], axis=1),
        )

    def _check_width(self, labels, scores):
        if labels.shape[1] != scores.shape[1]:
            raise ValueError(
                f"`labels` must have a column for each of {scores.shape[1]} candidates. "
                f"Received: {labels.shape[1]} columns."
            )

    # === Answers ===

    def index(self, texts, *, vocabulary=None, batch_size=256):
        """Reads the texts of all entities; from now on the model answers about these.

        Args:
            texts: `pipelines.TripleTexts`, of the graph that it was trained on or of another one
                with the same relations.
            vocabulary: `models.Vocabulary`, for questions by name to what is returned.
            batch_size: Texts to encode at a time, shared among the replicas.

        Returns:
            `TextIndex`: what the model answers by. It stays when another one is made.
        """
        self._index = TextIndex(self, texts, vocabulary, batch_size)
        return self._index

    def encode_queries(self, token_ids, padding_mask):
        """Vectors `(queries, dim)`, of length 1 over the temperature."""
        tokens = {"token_ids": token_ids, "padding_mask": padding_mask}
        return self.sharpness(self.query_tower(tokens, training=False))

    def encode_entities(self, token_ids, padding_mask):
        """Vectors `(entities, dim)`, of length 1."""
        tokens = {"token_ids": token_ids, "padding_mask": padding_mask}
        return self.entity_tower(tokens, training=False)

    def as_tables(self, into=None):
        """What `index` returned, brought up to date: `evaluation` asks it, not the model."""
        self._indexed.refresh()
        return self._indexed

    @property
    def num_entities(self):
        """Number of entities that `index` has read."""
        return self._indexed.num_entities

    @property
    def num_relations(self):
        """Number of relations, without the inverse ones."""
        return self._indexed.num_relations

    def score(self, head, relation, tail):
        """`TextIndex.score`, of what `index` has read."""
        return self._indexed.score(head, relation, tail)

    def score_tails(self, head, relation, candidates=None):
        """`TextIndex.score_tails`, of what `index` has read."""
        return self._indexed.score_tails(head, relation, candidates)

    def score_heads(self, candidates, relation, tail):
        """`TextIndex.score_heads`, of what `index` has read."""
        return self._indexed.score_heads(candidates, relation, tail)

    @property
    def _indexed(self):
        if self._index is None:
            raise ValueError(
                "Entities must be read before they are asked for: call `index` with their texts. "
                f"Received: {self.name!r} without."
            )
        return self._index


class _Sharpness(keras.layers.Layer):
    """Divides by a temperature, whose logarithm is learned."""

    def __init__(self, temperature, **kwargs):
        super().__init__(**kwargs)
        self.temperature = temperature

    def build(self, shape):
        start = keras.initializers.Constant(-math.log(self.temperature))
        self.log_factor = self.add_weight(
            name="log_factor", shape=(), initializer=start, dtype="float32", autocast=False
        )

    def factor(self):
        """1 over the temperature."""
        return ops.exp(self.log_factor)

    def call(self, vectors):
        return vectors * self.factor()

    def compute_output_shape(self, shape):
        return shape


def _hits(labels, scores):
    """1 where no other candidate reaches a query's own, else 0: `(batch,)`."""
    own = ops.sum(ops.where(labels == 1, scores, 0.0), axis=1)
    best = ops.max(ops.where(labels == 0, scores, -float("inf")), axis=1)
    return ops.cast(own > best, "float32")


def _check_numbers(temperature, queue_size):
    positive("temperature", temperature)
    if non_negative("queue_size", queue_size) % 1:
        raise ValueError(f"`queue_size` must be a whole number. {describe(queue_size)}.")


def _check_dims(encoder, entity_encoder):
    dims = encoder.output.shape[-1], entity_encoder.output.shape[-1]
    if dims[0] != dims[1]:
        raise ValueError(
            f"`entity_encoder` must give vectors as long as those of `encoder`, {dims[0]}. "
            f"Received: {dims[1]}."
        )


def _check_queue(size, queued, scores):
    """Raises a `ValueError` where the batch, if its size is known, has another queue."""
    if None in (*queued.shape, scores.shape[0]):
        return
    # Each replica sees its own rows of the batch that the queue is counted in.
    wanted = queued.shape[1] * scores.shape[0] * num_replicas()
    if size != wanted:
        raise ValueError(
            f"The batches have a queue of {wanted} tails, and so must the model: `queue_size`. "
            f"Received: queue_size={size}."
        )
