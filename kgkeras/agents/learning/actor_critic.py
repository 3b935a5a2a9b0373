"""Policy gradients with a critic that says what a state is worth."""

import keras
import tensorflow as tf

from kgkeras.agents.learning.learner import Learner, loaded, saved, scheduled
from kgkeras.checks import fraction, non_negative
from kgkeras.registration import serializable


@serializable
class ActorCritic(Learner):
    """Advantage actor-critic: `-A_t log pi(a_t | s_t) + c (V(s_t) - G_t)^2 - beta H`.

    The reward comes at the end, so that `d_t = V(s_t+1) - V(s_t)`, with `R` in place of the value
    behind the last step; `A_t = sum_k lambda^k d_t+k`, and `G_t = A_t + V(s_t)`.

    Args:
        hidden_dim: Units of the critic's hidden layer.
        trace: `lambda` in `[0, 1]`: 1 for the reward itself, 0 for the next state's value.
        value_weight: `c`.
        entropy: `beta`: a number, or a schedule of `keras.optimizers.schedules`.
        action_dropout: As for any `Learner`.
        seed: Seed of the choices.

    Raises:
        ValueError: If an argument is out of range.

    Reference: Mnih et al., Asynchronous Methods for Deep Reinforcement Learning, ICML 2016;
    Schulman et al., High-Dimensional Continuous Control Using Generalized Advantage Estimation,
    ICLR 2016.
    """

    def __init__(
        self,
        hidden_dim=100,
        *,
        trace=0.95,
        value_weight=0.5,
        entropy=0.02,
        action_dropout=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(action_dropout, seed, **kwargs)
        self.hidden_dim, self.entropy = hidden_dim, entropy
        self.trace = fraction("trace", trace)
        self.value_weight = non_negative("value_weight", value_weight)
        own = {"dtype": self.dtype_policy}
        self.hidden = keras.layers.Dense(hidden_dim, activation="relu", name="hidden", **own)
        self.value = keras.layers.Dense(1, name="value", **own)

    def prepare(self, reasoner):
        if not self.built:
            self.hidden.build((None, reasoner.policy.state_dim))
            self.value.build((None, self.hidden_dim))
            self.built = True

    def losses(self, reasoner, asked):
        walk = reasoner.walk(asked, self.choose, walks=reasoner.walks, training=True)
        reward, counts = reasoner.rewards(walk)
        # The critic learns beside the policy, not through it.
        values = [self.value(self.hidden(tf.stop_gradient(seen)))[:, 0] for seen in walk.seen]
        values = tf.cast(tf.stack(values, axis=1), "float32")
        advantages = self.advantages(tf.stop_gradient(values), reward)
        returns = tf.stop_gradient(advantages + values)
        beta = scheduled(self.entropy, reasoner.step)
        entropy = walk.entropies()
        loss = -advantages * walk.log_probs() + self.value_weight * tf.square(values - returns)
        loss = counts * tf.reduce_sum(loss, axis=1) - beta * tf.reduce_sum(entropy, axis=1)
        return loss, {"reward": reward, "entropy": tf.reduce_mean(entropy, axis=1)}

    def advantages(self, values, reward):
        """`A_t` of states' values `(walkers, steps)` and rewards `(walkers,)`."""
        after = tf.concat([values[:, 1:], reward[:, None]], axis=1)
        advantages, later = [], tf.zeros_like(reward)
        for gain in reversed(tf.unstack(after - values, axis=1)):
            later = gain + self.trace * later
            advantages.append(later)
        return tf.stack(advantages[::-1], axis=1)

    def get_config(self):
        names = ("hidden_dim", "trace", "value_weight")
        config = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **config, "entropy": saved(self.entropy)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "entropy": loaded(config["entropy"])})
