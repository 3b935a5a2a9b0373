"""Walks that make the answer likely, whichever way leads to it."""

import tensorflow as tf

from kgkeras.agents.learning.learner import Learner, loaded, saved, scheduled
from kgkeras.checks import fraction
from kgkeras.registration import serializable

_FLOOR = 1e-6  # The chance of an end that no walker can come to.
_LEAST = 1e-30  # Smaller chances are none: one over their square is no float32.


@serializable
class MarginalLikelihood(Learner):
    """`-log P(answer)`, the probability that walks of a query end there: `-log E[R]`.

    Rewards are earned in the last step, and of all its actions it is known what they would earn:
    `P(e) = mean_w p_w(e)`, `p_w(e) = sum_{a leads to e} pi(a | s_w)`, is exact but for the steps
    before, which `n` walkers `w` have drawn. These learn by the score function, each by its part in
    what was reached: `-n / (n - 1) (c_w - 1/n) sum_t log pi(a_t | s_t)`, `c_w = p_w(e) / (n P(e))`;
    a bias of O(1/n) is left, as `P` is that of the walkers themselves. So a query that is seldom
    answered counts as much as others, once a walker can reach the answer, and all ways to an answer
    are learned, not the first one found; `Reinforce` maximises `E[R]`, by the one action that each
    walker draws. Where ends do not count, other known answers, `P` is that among those that do:
    `P(e)` is divided by `mean_w p_w(counted)`, and `1/n` is `w`'s part in that.
    Once all answers are certain there is nothing left to learn; what the policy was never asked to
    choose between stays open. With few queries consider dropout, or `Reinforce`, which explores on.

    Where the `PathReasoner` has `shaping`, a part of what is wanted is to end where that finds
    plausible: `-(1 - s) log P(answer) - s sum_e q(e) log P(e)`, `q` the odds, made to sum to 1;
    known facts, which the asked one is in training, have none of it.

    Args:
        shaped: `s`, in `[0, 1]`; means nothing without `shaping`.
        entropy: Weight of the policy's entropy: a number, or a schedule of
            `keras.optimizers.schedules`.
        action_dropout: As for any `Learner`, but for the last step, all of whose actions count.
        seed: Seed of the choices.

    Raises:
        ValueError: If an argument is out of range; by `prepare`, if a query has one walker only and
            several steps, as its first ones would learn nothing.

    Reference: Guu et al., From Language to Programs, ACL 2017 (reinforcement learning and marginal
    likelihood); Asadi et al., Mean Actor Critic, 2017 (all actions); Hinton et al., Distilling the
    Knowledge in a Neural Network, 2015 (soft targets).
    """

    def __init__(self, shaped=0.5, *, entropy=0.0, action_dropout=0.0, seed=None, **kwargs):
        super().__init__(action_dropout, seed, **kwargs)
        self.shaped = fraction("shaped", shaped)
        self.entropy = entropy
        self.built = True

    def prepare(self, reasoner):
        if reasoner.walks == 1 and reasoner.steps > 1:
            raise ValueError("`walks` must be at least 2 with MarginalLikelihood. Received: 1.")
        self._last = reasoner.steps - 1

    def choose(self, step, scores):
        return super().choose(step, scores) if step < self._last else (self.sample(scores), scores)

    def losses(self, reasoner, asked):
        walk = reasoner.walk(asked, self.choose, walks=reasoner.walks, training=True)
        right, counts = reasoner.queries.judge(reasoner.environment, walk.asked, walk.ends)
        chances = walk.end_chances() * tf.cast(counts, tf.float32)  # (walkers, actions)
        counted = tf.reduce_sum(chances, axis=1)
        mean = _mean(counted, walk)
        mean = tf.where(mean > _LEAST, mean, 0)
        chances = tf.math.divide_no_nan(chances, mean[:, None])
        reached = tf.reduce_sum(tf.where(right, chances, 0), axis=1)
        loss, credit = _likelihood(reached, walk)
        plausible = reasoner.plausibility(walk)
        if plausible is not None and self.shaped:
            soft_loss, soft_credit = _cross_entropy(plausible, chances, walk)
            loss += self.shaped * (soft_loss - loss)
            credit += self.shaped * (soft_credit - credit)
        # The credits of a query sum to 1, or to 0 where nothing was reached.
        credit -= _mean(credit, walk) * tf.math.divide_no_nan(counted, mean)
        # Losses become a mean over walkers, of which each has been compared with itself, too.
        credit *= walk.walks * (walk.walks / max(walk.walks - 1, 1))
        way = tf.reduce_sum(walk.log_probs()[:, :-1], axis=1)
        # It has a gradient, but no value: what is logged is the likelihood.
        loss -= tf.stop_gradient(credit) * (way - tf.stop_gradient(way))
        entropy = walk.entropies()
        loss -= scheduled(self.entropy, reasoner.step) * tf.reduce_sum(entropy, axis=1)
        begun = tf.cast(reasoner.queries.begin(walk.asked) >= 0, tf.float32)
        return begun * loss, {"reward": reached, "entropy": tf.reduce_mean(entropy, axis=1)}

    def get_config(self):
        return {**super().get_config(), "shaped": self.shaped, "entropy": saved(self.entropy)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "entropy": loaded(config["entropy"])})


def _mean(values, walk):
    """The mean of all walkers of each one's query, `(walkers,)` to `(walkers,)`."""
    return tf.repeat(tf.reduce_mean(tf.reshape(values, [-1, walk.walks]), axis=1), walk.walks)


def _likelihood(reached, walk):
    """`-log P` and each walker's part in `P`, of their chances: `(walkers,)` each."""
    mean = _mean(reached, walk) + _FLOOR
    return -tf.math.log(mean), reached / (mean * walk.walks)


def _cross_entropy(plausible, chances, walk):
    """`-sum_e q(e) log P(e)` and each walker's part in it: `(walkers,)` each.

    Args:
        plausible: float32 `(queries, entities)`, not negative.
        chances: float32 `(walkers, actions)`, of ending at `walk.ends`.
        walk: The `Walk`.
    """
    shape = tf.shape(plausible)
    rows = tf.repeat(tf.range(shape[0]), walk.walks)[:, None]  # The query of each walker.
    places = rows * shape[1] + walk.ends
    reached = tf.math.unsorted_segment_sum(chances, places, tf.size(plausible))
    reached = tf.reshape(reached, shape) / walk.walks + _FLOOR
    wanted = tf.math.divide_no_nan(plausible, tf.reduce_sum(plausible, axis=1, keepdims=True))
    parts = tf.gather(tf.reshape(wanted / reached, [-1]), places) / walk.walks
    loss = -tf.reduce_sum(wanted * tf.math.log(reached), axis=1)
    return tf.repeat(loss, walk.walks), tf.reduce_sum(chances * parts, axis=1)
