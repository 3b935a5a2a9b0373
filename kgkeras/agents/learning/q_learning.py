"""Learns what each action is worth, from walks that are remembered."""

import functools

import keras
import tensorflow as tf
from keras import ops

from kgkeras.agents.learning.learner import Learner, loaded, saved, scheduled
from kgkeras.agents.learning.replay import Replay
from kgkeras.agents.walk_policy import ILLEGAL
from kgkeras.checks import describe, fraction, positive_int
from kgkeras.registration import serializable


@serializable
class QLearning(Learner):
    """Deep Q-learning: the policy's scores are what its actions are worth.

    The loss is Huber's of `Q(s_t, a_t) - y_t`, where `y_t` is the reward at the last step and else
    `gamma Q'(s_t+1, argmax_a Q(s_t+1, a))` with the slower `Q'` (double Q-learning). Walkers take
    the best action, or with probability `epsilon` any. Walks are remembered whole, as a state
    holds the way.

    Args:
        capacity: Walks that are remembered.
        epsilon: A number, or a schedule of `keras.optimizers.schedules`.
        discount: `gamma`, between 0 and 1.
        pace: How much of the policy's weights goes into those of `Q'` at each step.
        seed: Seed of the choices.

    Raises:
        ValueError: If an argument is out of range.

    Reference: Mnih et al., Human-Level Control through Deep Reinforcement Learning, Nature 2015;
    van Hasselt et al., Deep Reinforcement Learning with Double Q-Learning, AAAI 2016.
    """

    figures = ("reward",)

    def __init__(
        self, capacity=50_000, *, epsilon=0.1, discount=1.0, pace=0.02, seed=None, **kwargs
    ):
        super().__init__(0.0, seed, **kwargs)
        self.capacity = positive_int("capacity", capacity)
        self.epsilon = epsilon
        self.discount, self.pace = fraction("discount", discount), fraction("pace", pace)

    def prepare(self, reasoner):
        """Makes the memory of walks and the slower weights."""
        policy, ids = reasoner.policy, reasoner.queries.ids
        if ids is None:
            raise ValueError(
                "Q-learning remembers queries by their ids: `queries` must be RelationQueries. "
                f"{describe(reasoner.queries)}."
            )
        width = len(ids) + reasoner.steps
        self.replay = Replay(self.capacity, width, name="replay")
        self.slower = [
            self.add_weight(
                name=f"slower_{place}",
                shape=variable.shape,
                dtype=variable.dtype,
                # Each replica computes the same.
                aggregation="only_first_replica",
                trainable=False,
                autocast=False,
            )
            for place, variable in enumerate(policy.trainable_variables)
        ]
        for slow, variable in zip(self.slower, policy.trainable_variables, strict=True):
            slow.assign(variable)
        self.built = True

    def choose(self, step, scores, epsilon):
        any_action = self.sample(tf.where(scores > ILLEGAL, 0.0, ILLEGAL))
        best = tf.argmax(scores, axis=1, output_type=tf.int32)
        tries = keras.random.uniform(ops.shape(best), seed=self._seeds) < epsilon
        return tf.where(tries, any_action, best), scores

    def losses(self, reasoner, asked):
        epsilon = scheduled(self.epsilon, reasoner.step)
        choose = functools.partial(self.choose, epsilon=epsilon)
        walk = reasoner.walk(asked, choose, walks=reasoner.walks, training=False)
        reward, counts = reasoner.rewards(walk)
        self._remember(reasoner, walk, reward, counts)
        rows, rewards = self.replay.sample(tf.shape(reward)[0], self._seeds)
        names = reasoner.queries.ids
        again = dict(zip(names, tf.unstack(rows[:, : len(names)], axis=1), strict=True))
        actions = rows[:, len(names) :]
        loss = self._distances(reasoner, again, actions, rewards)
        self._follow(reasoner.policy)
        return loss, {"reward": reward}

    def _distances(self, reasoner, asked, actions, rewards):
        """The loss of walks that are remembered: `(walks,)`."""

        def walk(training):
            chosen = lambda step, scores: (actions[:, step], scores)  # noqa: E731
            return reasoner.walk(asked, chosen, training=training)

        now = walk(training=True)
        pairs = zip(reasoner.policy.trainable_variables, self.slower, strict=True)
        with keras.StatelessScope(state_mapping=[(fast, slow.value) for fast, slow in pairs]):
            slow = walk(training=False)
        wanted = [
            self.discount * tf.gather(after, tf.argmax(best, axis=1), batch_dims=1)
            for after, best in zip(slow.scores[1:], now.scores[1:], strict=True)
        ]
        wanted = tf.stop_gradient(tf.stack([*wanted, rewards], axis=1))
        difference = tf.abs(now.values() - wanted)
        huber = tf.where(difference < 1, 0.5 * tf.square(difference), difference - 0.5)
        return tf.reduce_sum(huber, axis=1)

    def _remember(self, reasoner, walk, reward, counts):
        """Keeps the walks that say something."""
        ids = [tf.cast(walk.asked[name], tf.int32)[:, None] for name in reasoner.queries.ids]
        rows = tf.concat([*ids, walk.actions], axis=1)
        says = counts > 0
        self.replay.push(tf.boolean_mask(rows, says), tf.boolean_mask(reward, says))

    def _follow(self, policy):
        for slow, fast in zip(self.slower, policy.trainable_variables, strict=True):
            slow.assign(slow + self.pace * (fast - slow))

    def get_config(self):
        config = super().get_config()
        del config["action_dropout"]
        names = ("capacity", "discount", "pace")
        config |= {name: getattr(self, name) for name in names}
        return {**config, "epsilon": saved(self.epsilon)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "epsilon": loaded(config["epsilon"])})
