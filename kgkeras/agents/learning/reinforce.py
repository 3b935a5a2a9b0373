"""Policy gradients from whole walks."""

import tensorflow as tf

from kgkeras.agents.learning.learner import Learner, loaded, saved, scheduled
from kgkeras.checks import one_of, rate
from kgkeras.registration import serializable


@serializable
class Reinforce(Learner):
    """`-(R - b) sum_t log pi(a_t | s_t) - beta sum_t H(pi(. | s_t))`.

    Args:
        baseline: `b`: "moving", the mean reward of the steps before; "others", the mean reward of
            the other walks of the same query; None for 0.
        scaled: Whether advantages are divided by their standard deviation in the batch: where
            rewards are rare, they count for more.
        momentum: How much of the moving baseline stays in a step.
        entropy: `beta`: a number, or a schedule of `keras.optimizers.schedules`.
        action_dropout: As for any `Learner`. The gradient is that of the policy without the
            dropped actions, which has chosen; by that of the whole policy, as in Lin et al.,
            actions that are tried against its will would fall without bound.
        seed: Seed of the choices.

    Raises:
        ValueError: If an argument is out of range.

    Reference: Williams, 1992; Das et al., ICLR 2018; Lin et al., EMNLP 2018 (action dropout).
    """

    def __init__(
        self,
        baseline="moving",
        *,
        scaled=False,
        momentum=0.95,
        entropy=0.02,
        action_dropout=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(action_dropout, seed, **kwargs)
        self.baseline = one_of("baseline", baseline, ("moving", "others", None))
        self.scaled = bool(scaled)
        self.momentum = rate("momentum", momentum)
        self.entropy = entropy
        # Each replica moves it by its own walks; their mean is kept.
        self.reward = self.add_weight(
            name="reward", initializer="zeros", trainable=False, aggregation="mean"
        )
        self.built = True

    def losses(self, reasoner, asked):
        walk = reasoner.walk(asked, self.choose, walks=reasoner.walks, training=True)
        reward, counts = reasoner.rewards(walk)
        expected = self._expected(reward, counts, reasoner.walks)
        advantage = tf.stop_gradient(counts * (reward - expected))
        if self.scaled:
            advantage /= tf.math.reduce_std(advantage) + 1e-6
        beta = scheduled(self.entropy, reasoner.step)
        loss = -advantage * tf.reduce_sum(walk.log_probs(), axis=1)
        entropy = walk.entropies()
        loss -= beta * tf.reduce_sum(entropy, axis=1)
        return loss, {"reward": reward, "entropy": tf.reduce_mean(entropy, axis=1)}

    def _expected(self, reward, counts, walks):
        """The baseline of each walk."""
        if self.baseline == "others":
            rows, weights = (tf.reshape(x, (-1, walks)) for x in (reward * counts, counts))
            others = tf.reduce_sum(rows, axis=1, keepdims=True) - rows
            number = tf.reduce_sum(weights, axis=1, keepdims=True) - weights
            return tf.reshape(tf.math.divide_no_nan(others, number), (-1,))
        if self.baseline is None:
            return tf.zeros_like(reward)
        before = tf.convert_to_tensor(self.reward)
        mean = tf.math.divide_no_nan(tf.reduce_sum(reward * counts), tf.reduce_sum(counts))
        self.reward.assign(self.momentum * before + (1 - self.momentum) * mean)
        return tf.fill(tf.shape(reward), before)

    def get_config(self):
        names = ("baseline", "scaled", "momentum")
        config = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **config, "entropy": saved(self.entropy)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "entropy": loaded(config["entropy"])})
