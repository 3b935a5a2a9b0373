"""Reads facts back from texts."""

import itertools

import keras
import tensorflow as tf

from kgkeras.agents.writing.fact_tokens import FIRST_SLOT, PADDING
from kgkeras.checks import describe, positive_int, rate
from kgkeras.ops import num_replicas
from kgkeras.ops.replicas import replica_mean
from kgkeras.registration import serializable
from kgkeras.text import transformer_layer


@serializable
class FactReader(keras.Model):
    """Tells, for each two mentions in a text, which fact the text states of them.

    A Transformer reads the words; a mention is told from other words by standing for an entity, and
    by which one it is in the order in which the text names them, but not by what is written. From
    the states of two mentions and the mean state of the words between them, a hidden layer chooses
    a relation, its inverse, or none. It is trained by stock `fit` on texts that tell known facts.

    Args:
        tokens: `FactTokens`.
        dim: Length of word vectors, a multiple of `num_heads`.
        hidden_dim: Units of the hidden layer.
        num_layers: Layers of the Transformer.
        num_heads: Attention heads of each.
        max_mentions: So many mentions of a text are read.
        dropout: Rate at which elements are dropped in training.

    Call arguments:
        inputs: Dict of `text`, int32 `(batch, words)`; for `fit` and `evaluate` also `triples`,
            int32 `(batch, facts, 3)`: number of the head, relation, number of the tail, -1 where
            there is none. Further keys are ignored.

    Returns:
        Scores float32 `(batch, pairs, 1 + 2 * relations)`: of no fact, of each relation from the
        first mention to the second, and of each from the second to the first.

    Raises:
        ValueError: If `tokens` are no `FactTokens`, or a size is not a positive integer.

    Reference: Baldini Soares et al., Matching the Blanks, ACL 2019.
    """

    def __init__(
        self,
        tokens,
        *,
        dim=128,
        hidden_dim=256,
        num_layers=2,
        num_heads=4,
        max_mentions=10,
        dropout=0.1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not hasattr(tokens, "slots_each"):
            raise ValueError(f"`tokens` must be FactTokens. {describe(tokens)}.")
        self.tokens = tokens
        self.dim, self.hidden_dim = positive_int("dim", dim), positive_int("hidden_dim", hidden_dim)
        self.num_layers = positive_int("num_layers", num_layers)
        self.num_heads = positive_int("num_heads", num_heads)
        self.max_mentions = positive_int("max_mentions", max_mentions)
        self.dropout = rate("dropout", dropout)
        self._pairs = tuple(zip(*itertools.combinations(range(max_mentions), 2), strict=True))
        self.words = keras.layers.Embedding(tokens.size, dim, name="words")
        self.order = keras.layers.Embedding(tokens.max_entities + 1, dim, name="order")
        self.places = keras.layers.Embedding(tokens.max_words, dim, name="places")
        self.stack = [
            transformer_layer(dim, num_heads, dropout, name=f"layer_{i}") for i in range(num_layers)
        ]
        self.hidden = keras.layers.Dense(hidden_dim, activation="relu", name="hidden")
        self.drop = keras.layers.Dropout(dropout)
        self.choice = keras.layers.Dense(1 + 2 * len(tokens.relations), name="choice")
        for layer in (self.words, self.order, self.places):
            layer.build((None, None))
        for layer in self.stack:
            layer.build((None, tokens.max_words, dim))
        self.hidden.build((None, 3 * dim))
        self.choice.build((None, hidden_dim))
        self._accuracy = keras.metrics.Mean(name="accuracy")
        self.built = True

    def call(self, inputs, training=None):
        text = inputs["text"]
        place, _ = self._mentions(text)
        first, second = (tf.gather(place, pair, axis=1) for pair in self._pairs)
        states = self.states(text, training)
        # One more state, of what there is not.
        padded = tf.pad(states, [[0, 0], [0, 1], [0, 0]])
        sums = tf.cumsum(tf.pad(states, [[0, 0], [1, 0], [0, 0]]), axis=1)
        between = tf.gather(sums, second, batch_dims=1) - tf.gather(
            sums, tf.minimum(first + 1, tf.shape(text)[1]), batch_dims=1
        )
        count = tf.cast(tf.maximum(second - first - 1, 1), between.dtype)[..., None]
        read = [tf.gather(padded, mention, batch_dims=1) for mention in (first, second)]
        hidden = self.hidden(tf.concat([*read, between / count], axis=-1))
        return tf.cast(self.choice(self.drop(hidden, training=training)), tf.float32)

    def states(self, text, training=None):
        """States of the words: `(batch, words, dim)`."""
        # What is written of an entity says nothing, but that there is one, and which.
        slot = self._slots(text)
        x = self.words(tf.where(slot, FIRST_SLOT, text)) + self.order(self._named(text))
        x = self.drop(x + self.places(tf.range(tf.shape(text)[1])), training=training)
        for layer in self.stack:
            x = layer(x, padding_mask=text != PADDING, training=training)
        return x

    def _slots(self, text):
        return (text >= FIRST_SLOT) & (text < self.tokens.first_word)

    def _entity_of(self, text):
        """The entity that each word stands for, -1 for none."""
        return tf.where(self._slots(text), (text - FIRST_SLOT) // self.tokens.slots_each, -1)

    def _named(self, text):
        """Which entity a mention names, 1 for the one the text names first; 0 for no mention."""
        entity, length = self._entity_of(text), tf.shape(text)[1]
        slot = entity >= 0
        same = tf.equal(entity[:, :, None], entity[:, None, :])
        first = tf.argmax(tf.cast(same, tf.int32), axis=-1, output_type=tf.int32)
        new = slot & tf.equal(first, tf.range(length))
        number = tf.cumsum(tf.cast(new, tf.int32), axis=1)
        return tf.where(slot, tf.gather(number, first, batch_dims=1), 0)

    def read(self, text):
        """The facts that texts state: int32 `(batch, pairs, 3)`, as `triples`, -1 for none."""
        choice = tf.argmax(self({"text": text}), axis=-1, output_type=tf.int32)
        first, second = self._entities(text)
        relations = len(self.tokens.relations)
        inverse = choice > relations
        told = (choice > 0) & (first >= 0) & (second >= 0) & (first != second)
        relation = (choice - 1) % relations
        fact = [tf.where(inverse, second, first), relation, tf.where(inverse, first, second)]
        return tf.where(told[..., None], tf.stack(fact, axis=-1), -1)

    def agreement(self, text, triples):
        """How the facts that texts state agree with triples that they should.

        Returns:
            Float32 `(right, stated, found, wanted)`, `(batch,)` each: of the facts stated, how many
            are among the triples, and how many there are; of the triples, how many are stated, and
            how many there are.
        """
        read = self.read(text)
        there, wanted = read[..., 0] >= 0, triples[..., 0] >= 0
        same = tf.reduce_all(read[:, :, None] == triples[:, None], axis=-1)
        same &= there[:, :, None] & wanted[:, None]
        flags = (tf.reduce_any(same, 2), there, tf.reduce_any(same, 1), wanted)
        return tuple(tf.reduce_sum(tf.cast(x, tf.float32), axis=1) for x in flags)

    def expected_agreement(self, text, triples):
        """As `agreement`, facts counted by the probability that two mentions state them.

        A fact that several pairs may state is found with the highest of their probabilities.
        """
        chances = tf.nn.softmax(self({"text": text}))  # (batch, pairs, choices)
        first, second = (entity[..., None] for entity in self._entities(text))
        there = tf.cast((second >= 0) & (first != second), tf.float32)[..., 0]
        head, relation, tail = (x[:, None] for x in tf.unstack(triples, axis=-1))
        right = tf.zeros_like(chances[..., :1])  # becomes (batch, pairs, facts)
        for start, end, offset in ((first, second, 1), (second, first, self._inverses)):
            choice = tf.one_hot(relation[:, 0] + offset, chances.shape[-1], axis=1)
            same = (start == head) & (end == tail) & (relation >= 0)
            right += tf.where(same, tf.matmul(chances, choice), 0)
        right *= there[..., None]
        return (
            # A pair states one fact, were it wanted twice.
            tf.reduce_sum(tf.reduce_max(right, axis=2), axis=1),
            tf.reduce_sum(there * (1 - chances[..., 0]), axis=1),
            tf.reduce_sum(tf.reduce_max(right, axis=1), axis=1),
            tf.reduce_sum(tf.cast(triples[..., 0] >= 0, tf.float32), axis=1),
        )

    def f1(self, text, triples, *, expected=False):
        """The harmonic mean of factual precision and recall of each text: float32 `(batch,)`.

        Args:
            text: int32 `(batch, words)`.
            triples: int32 `(batch, facts, 3)`.
            expected: Whether facts are counted by their probabilities.
        """
        agreement = self.expected_agreement if expected else self.agreement
        right, stated, found, wanted = agreement(text, triples)
        precision, recall = (tf.math.divide_no_nan(*x) for x in ((right, stated), (found, wanted)))
        return tf.math.divide_no_nan(2 * precision * recall, precision + recall)

    def naming(self, text, triples):
        """The share of the triples' entities that each text names: float32 `(batch,)`."""
        entities = tf.range(self.tokens.max_entities)
        ends = tf.gather(triples, [0, 2], axis=-1)  # (batch, facts, 2)
        wanted = tf.reduce_any(ends[..., None] == entities, axis=(1, 2))
        named = wanted & tf.reduce_any(self._entity_of(text)[..., None] == entities, axis=1)
        named, wanted = (tf.reduce_sum(tf.cast(x, tf.float32), 1) for x in (named, wanted))
        return tf.math.divide_no_nan(named, wanted)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        labels, there = self._labels(x["text"], x["triples"])
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=y_pred)
        right = tf.cast(tf.argmax(y_pred, -1, tf.int32) == labels, tf.float32)
        count = tf.reduce_sum(there) + 1e-6
        self._accuracy.update_state(tf.reduce_sum(there * right) / count)
        # The mean over the pairs of all replicas.
        return tf.reduce_sum(there * losses) / replica_mean(count) / num_replicas()

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return {metric.name: metric.result() for metric in self.metrics}

    def _mentions(self, text):
        """Where mentions stand, and of what: `(batch, max_mentions)`; length and -1 for none."""
        slot, length = self._slots(text), tf.shape(text)[1]
        place = tf.where(slot, tf.range(length), length)
        place = tf.sort(place, axis=1)[:, : self.max_mentions]
        place = tf.pad(
            place, [[0, 0], [0, self.max_mentions - tf.shape(place)[1]]], constant_values=length
        )
        ids = tf.gather(tf.pad(text, [[0, 0], [0, 1]]), place, batch_dims=1)
        entity = (ids - FIRST_SLOT) // self.tokens.slots_each
        return place, tf.where(place < length, entity, -1)

    @property
    def _inverses(self):
        """The choice that is the first inverse relation."""
        return 1 + len(self.tokens.relations)

    def _entities(self, text):
        """The entities of each two mentions: `(first, second)`, `(batch, pairs)` each."""
        entity = self._mentions(text)[1]
        return tuple(tf.gather(entity, pair, axis=1) for pair in self._pairs)

    def _labels(self, text, triples):
        """The choice that is right for each two mentions, and 1.0 where there are two."""
        first, second = self._entities(text)
        head, relation, tail = (x[:, None] for x in tf.unstack(triples, axis=-1))
        told = relation >= 0
        labels = []
        for start, end, offset in ((first, second, 1), (second, first, self._inverses)):
            same = (start[..., None] == head) & (end[..., None] == tail) & told
            labels.append(tf.reduce_max(tf.where(same, relation + offset, 0), axis=-1))
        return tf.maximum(*labels), tf.cast((second >= 0) & (first != second), tf.float32)

    def get_config(self):
        names = ("dim", "hidden_dim", "num_layers", "num_heads", "max_mentions", "dropout")
        tokens = keras.saving.serialize_keras_object(self.tokens)
        return {"tokens": tokens, "name": self.name, **{k: getattr(self, k) for k in names}}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        tokens = keras.saving.deserialize_keras_object(config["tokens"], custom_objects)
        return cls(**{**config, "tokens": tokens})
