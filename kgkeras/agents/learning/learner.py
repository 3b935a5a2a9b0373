"""What ways of learning to walk have in common."""

import keras
import tensorflow as tf
from keras import ops

from kgkeras.agents.walk_policy import ILLEGAL
from kgkeras.checks import rate


class Learner(keras.layers.Layer):
    """Chooses actions in training, and makes a loss of the walks.

    Args:
        action_dropout: Rate at which actions are hidden from the choice, never all: walkers come
            to try what the policy does not favour.
        seed: Seed of the choices.
    """

    figures = ("reward", "entropy")  # What is logged beside the loss.

    def __init__(self, action_dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.action_dropout = rate("action_dropout", action_dropout)
        self.seed = seed
        self._seeds = keras.random.SeedGenerator(seed)

    def prepare(self, reasoner):
        """Makes what fits the parts of a `PathReasoner`."""

    def choose(self, step, scores):
        """Chooses by scores `(walkers, actions)`.

        Returns:
            `(actions, scores)`: int32 `(walkers,)`, and the scores that they were drawn by.
        """
        scores = self.explored(scores)
        return self.sample(scores), scores

    def losses(self, reasoner, asked):
        """The loss of each walk.

        Args:
            reasoner: The `PathReasoner`.
            asked: The queries.

        Returns:
            `(losses, figures)`: float32 `(walkers,)`, and a dict of `(walkers,)` to log.
        """
        raise NotImplementedError

    def explored(self, scores):
        """The scores, some actions dropped."""
        if not self.action_dropout:
            return scores
        kept = keras.random.uniform(ops.shape(scores), seed=self._seeds) >= self.action_dropout
        dropped = tf.where(kept, scores, ILLEGAL)
        nothing = tf.reduce_max(dropped, axis=1, keepdims=True) <= ILLEGAL
        return tf.where(nothing, scores, dropped)

    def sample(self, scores):
        """Actions drawn from the softmax of scores."""
        seed = tf.cast(self._seeds.next(), tf.int32)
        return tf.random.stateless_categorical(scores, 1, seed, dtype=tf.int32)[:, 0]

    def get_config(self):
        config = {"action_dropout": self.action_dropout, "seed": self.seed}
        return {**super().get_config(), **config}


def scheduled(value, step):
    """A number, or what a schedule says at a step, 0 before training has begun."""
    return value(step) if callable(value) else value


def saved(value):
    """A number or a schedule, for a configuration."""
    return keras.saving.serialize_keras_object(value) if callable(value) else value


def loaded(value):
    """What `saved` was given."""
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
