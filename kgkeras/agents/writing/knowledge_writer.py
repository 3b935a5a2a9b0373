"""Writes about facts: a word, or what the graph has."""

import keras
import tensorflow as tf

from kgkeras.agents.walk_policy import ILLEGAL
from kgkeras.agents.writing.fact_tokens import END, FIRST_SLOT, PADDING, START, UNKNOWN
from kgkeras.ops import num_replicas
from kgkeras.ops.replicas import replica_mean
from kgkeras.registration import serializable
from kgkeras.text.causal_decoder import causal_decoder


@serializable
class KnowledgeWriter(keras.Model):
    """A causal language model that reads facts, and whose actions are to write or to query.

    Each step it writes a word, or queries the graph: it names one of the facts' entities and a
    form, and what the graph has is copied. It cannot name an entity that no fact is about, nor
    write a word that it does not know. Trained by stock `fit` on texts, with `SelfCritical` on
    rewards.

    The backbone sees the facts, filled up on the left, and then the text. Scores of what is not
    allowed are -1e9 in training, too, so that nothing is learned of it.

    Args:
        backbone: `keras_hub.models.GPT2Backbone` of `tokens.size` ids, and as many positions as
            facts and text have together at least.
        tokens: `FactTokens`.

    Call arguments:
        inputs: Dict of `facts` `(batch, tokens.facts_length)` and `text` `(batch, words)`, int32.
            Further keys are ignored.

    Returns:
        Scores float32 `(batch, words, tokens.size)` of what stands at each place of the text, given
        what stands before.

    Raises:
        ValueError: If the backbone is of another kind or too small.

    Reference: Radford et al., Language Models are Unsupervised Multitask Learners, 2019 (GPT-2); Gu
    et al., Incorporating Copying Mechanism in Sequence-to-Sequence Learning, ACL 2016.
    """

    def __init__(self, backbone, tokens, **kwargs):
        super().__init__(**kwargs)
        decoder = causal_decoder(backbone)
        wanted = tokens.facts_length + tokens.max_words
        if backbone.vocabulary_size != tokens.size or backbone.max_sequence_length < wanted:
            raise ValueError(
                f"`backbone` must have {tokens.size} ids and at least {wanted} positions. "
                f"Received: {backbone.vocabulary_size} and {backbone.max_sequence_length}."
            )
        self.backbone, self.tokens = backbone, tokens
        self._decoder = decoder
        self._accuracy = keras.metrics.Mean(name="accuracy")
        self.built = True

    def call(self, inputs, training=None):
        facts, text = inputs["facts"], inputs["text"]
        ids = tf.concat([facts, text[:, :-1]], axis=1)
        # What fills up is read as it is: so it is in `write`, too.
        read = {"token_ids": ids, "padding_mask": tf.ones_like(ids)}
        states = self.backbone(read, training=training)[:, tf.shape(facts)[1] - 1 :]
        scores = self.backbone.token_embedding(states, reverse=True)
        return tf.where(self._allowed(facts)[:, None], tf.cast(scores, tf.float32), ILLEGAL)

    def log_probs(self, inputs, training=None, scores=None):
        """Log-probability of each text, its end included, and its length: float32 `(batch,)` each.

        Args:
            inputs: As for the call.
            training: Whether dropout is active.
            scores: What the call returns, where it has been called already.
        """
        scores = self(inputs, training=training) if scores is None else scores
        text = inputs["text"]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=text, logits=scores)
        # Words that are not known cannot be written.
        told = tf.cast((text != PADDING) & (text != UNKNOWN), tf.float32)
        return -tf.reduce_sum(told * losses, axis=1), tf.reduce_sum(told, axis=1)

    def write(self, facts, seed=None):
        """Texts about facts.

        Args:
            facts: int32 `(batch, tokens.facts_length)`.
            seed: int32 `(2,)` to draw words by; the most probable ones where None.

        Returns:
            int32 `(batch, tokens.max_words)`: ids, 0 behind the end.
        """
        facts = tf.cast(facts, tf.int32)
        allowed, batch, start = self._allowed(facts), tf.shape(facts)[0], facts.shape[1]
        backbone = self.backbone
        length = start + self.tokens.max_words
        heads = backbone.num_heads
        shape = [batch, backbone.num_layers, 2, length, heads, backbone.hidden_dim // heads]
        cache = tf.zeros(shape, self.compute_dtype)
        # The id that starts a text is the first to be read in the loop.
        _, _, cache = self._decoder.call_with_cache(facts[:, :-1], cache, 0)
        text = tf.TensorArray(tf.int32, self.tokens.max_words, element_shape=[None])

        def step(place, text, token, ended, cache):
            scores, _, cache = self._decoder.call_with_cache(
                token[:, None], cache, start - 1 + place
            )
            scores = tf.where(allowed, tf.cast(scores[:, 0], tf.float32), ILLEGAL)
            if seed is None:
                token = tf.argmax(scores, axis=1, output_type=tf.int32)
            else:
                drawn = tf.random.experimental.stateless_fold_in(seed, place)
                token = tf.random.stateless_categorical(scores, 1, drawn, dtype=tf.int32)[:, 0]
            token = tf.where(place == self.tokens.max_words - 1, END, token)
            token = tf.where(ended, PADDING, token)
            ended |= token == END
            return place + 1, text.write(place, token), token, ended, cache

        state = (0, text, tf.fill([batch], START), tf.zeros([batch], tf.bool), cache)
        state = tf.while_loop(
            lambda place, _, __, ended, ___: (
                # Once at least, as no texts at all have all ended.
                (place < self.tokens.max_words) & ((place == 0) | ~tf.reduce_all(ended))
            ),
            step,
            state,
        )
        ids = tf.transpose(state[1].stack())
        return tf.ensure_shape(ids, [None, self.tokens.max_words])

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        log_probs, lengths = self.log_probs(x, scores=y_pred)
        text = x["text"]
        told = tf.cast((text != PADDING) & (text != UNKNOWN), tf.float32)
        right = tf.cast(tf.equal(tf.argmax(y_pred, -1, tf.int32), text), tf.float32)
        self._accuracy.update_state(tf.reduce_sum(told * right) / tf.reduce_sum(told))
        # The mean over the words of all replicas.
        return -tf.reduce_sum(log_probs) / replica_mean(tf.reduce_sum(lengths)) / num_replicas()

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return {metric.name: metric.result() for metric in self.metrics}

    def _allowed(self, facts):
        """What may be written about facts: bool `(batch, tokens.size)`."""
        tokens = self.tokens
        own = FIRST_SLOT + (tf.range(tokens.max_entities) * tokens.slots_each) + 1  # `slot(entity)`
        there = tf.reduce_any(tf.equal(facts[:, :, None], own), axis=1)
        batch = tf.shape(facts)[0]
        special = tf.tile(tf.range(FIRST_SLOT)[None] == END, [batch, 1])
        words = tf.ones([batch, len(tokens.words)], tf.bool)
        return tf.concat([special, tf.repeat(there, tokens.slots_each, axis=1), words], axis=1)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        parts = {"backbone": serialize(self.backbone), "tokens": serialize(self.tokens)}
        return {**parts, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        made = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("backbone", "tokens")
        }
        return cls(**{**config, **made})
