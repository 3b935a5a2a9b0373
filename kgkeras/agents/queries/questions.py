"""Queries in words, that begin at an entity they name."""

import keras
import tensorflow as tf

from kgkeras.checks import describe, non_negative
from kgkeras.layers import HopAttention, MeanPooling, MentionIds
from kgkeras.registration import serializable


@serializable
class Questions(keras.layers.Layer):
    """Asks in words: walkers begin at the first entity that a question names.

    The policy sees a question as the mean of its words' vectors, which the encoder learns with it,
    or as that and what each step attends to.
    What is asked is a dict of `token_ids` `(queries, words)` int32, `padding_mask` `(queries,
    words)` bool and `entity_ids` `(queries, words)` int32, negative for no entity, as
    `text.Preprocessor` gives them. The labels of `fit` and `evaluate` are entity ids `(queries,
    answers)`, int32, negative ones filling up.

    Args:
        encoder: `keras.Model` from `{"token_ids", "padding_mask"}` to `(batch, words, dim)`.
        mention_id: Token that stands for the words that name an entity, so that what is learned of
            a question is true of all entities; None leaves the words.
        returns: Whether an answer may be the entity that a question names.
        attends: Number of steps that each attend to words of their own (`layers.HopAttention`);
            None for the mean of all words at every step.

    Raises:
        ValueError: If the encoder gives no vectors of words, or `mention_id` is negative.
    """

    asks = ("token_ids", "padding_mask", "entity_ids")
    ids = None  # Words are no ids to remember a query by.

    def __init__(self, encoder, mention_id=None, returns=False, attends=None, **kwargs):
        super().__init__(**kwargs)
        shape = getattr(encoder, "output_shape", None)
        if shape is None or len(shape) != 3:
            raise ValueError(
                "`encoder` must be a keras.Model whose output is `(batch, words, dim)`. "
                f"{describe(encoder)}."
            )
        self.encoder, self.returns = encoder, bool(returns)
        self.mention_id = mention_id
        if mention_id is not None:
            self.mention_id = int(non_negative("mention_id", mention_id))
        self.attends, self._mentions = attends, MentionIds(1)
        self._pooling = MeanPooling()
        if attends is not None:
            self._attention = HopAttention(attends, name="attention")
            self._attention.build(shape)
        self.built = True

    def dim(self, policy):
        """Length of a question's vector."""
        return self.encoder.output_shape[-1]

    def vectors(self, asked, policy, training=None):
        """The questions as a `WalkPolicy` sees them: `(queries, steps, dim)`."""
        token_ids, padding_mask = asked["token_ids"], asked["padding_mask"]
        if self.mention_id is not None:
            token_ids = tf.where(asked["entity_ids"] >= 0, self.mention_id, token_ids)
        inputs = {"token_ids": token_ids, "padding_mask": padding_mask}
        words = self.encoder(inputs, training=training)
        read = self._pooling(words, None, padding_mask)[:, None]
        if self.attends is not None:  # The mean stays: attention alone often gets stuck early.
            read += self._attention(words, padding_mask)
        return read

    def begin(self, asked):
        """Entity ids `(queries,)` to begin at; -1 where a question names no entity."""
        return self._mentions(asked["entity_ids"])[:, 0]

    def labelled(self, asked, labels):
        """What is asked, with the answers; as `fit` and `evaluate` are given them."""
        if labels is None:
            raise ValueError("`y` must hold ids of answers, `(queries, answers)`. Received: None.")
        return {**asked, "answers": labels}

    def answers(self, asked):
        """The right answers: entity ids `(queries, answers)`, negative ones filling up."""
        return asked["answers"]

    def hide(self, environment, asked, position, actions, last):
        """The actions without those that end where the walk has begun."""
        if self.returns or not last:
            return actions
        followed, end, legal = actions
        return followed, end, legal & (end != self.begin(asked)[:, None])

    def judge(self, environment, asked, ends):
        """`(right, counts)`, bool: whether ends, ids `(walkers,)` or `(walkers, n)`, are answers.

        All of them count.
        """
        answers = asked["answers"]
        answers = tf.reshape(answers, [-1, *[1] * (len(ends.shape) - 1), tf.shape(answers)[1]])
        # Of `==` TensorFlow knows no shape where lengths are not known.
        right = tf.reduce_any(tf.equal(ends[..., None], answers), axis=-1)
        return right, tf.ones_like(right)

    def get_config(self):
        encoder = keras.saving.serialize_keras_object(self.encoder)
        names = ("mention_id", "returns", "attends")
        own = {name: getattr(self, name) for name in names}
        return {**super().get_config(), "encoder": encoder, **own}

    @classmethod
    def from_config(cls, config):
        encoder = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(**{**config, "encoder": encoder})
