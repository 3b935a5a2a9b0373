"""One walk of many walkers at once."""

import dataclasses
import functools

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Walk:
    """What walkers have done in `steps` steps.

    Args:
        asked: What was asked, once for each walker.
        walks: Walkers of a query, which are next to each other.
        actions: int32 `(walkers, steps)`: which action each step took.
        scores: List of `steps` float32 tensors `(walkers, actions)`: what actions were chosen by.
        seen: List of `steps` float tensors `(walkers, state_dim)`: what the policy saw.
        relations: int32 `(walkers, steps)`: the relations they have followed.
        entities: int32 `(walkers, 1 + steps)`: the entities they have stood at, the first included.
        ends: int32 `(walkers, actions)`: where each action of the last step would have led.
    """

    asked: dict
    walks: int
    actions: tf.Tensor
    scores: list
    seen: list
    relations: tf.Tensor
    entities: tf.Tensor
    ends: tf.Tensor

    @property
    def end(self):
        """The entities they have come to: int32 `(walkers,)`."""
        return self.entities[:, -1]

    def log_probs(self):
        """Log-probabilities of the actions taken: `(walkers, steps)`."""
        return self._taken(self._logs)

    def end_chances(self):
        """Probabilities of the actions of the last step: `(walkers, actions)`."""
        return tf.exp(self._logs[-1])

    def values(self):
        """Scores of the actions taken: `(walkers, steps)`."""
        return self._taken(self.scores)

    def entropies(self):
        """Entropies of the policy at each step: `(walkers, steps)`."""
        return tf.stack([-tf.reduce_sum(tf.exp(x) * x, axis=1) for x in self._logs], axis=1)

    @functools.cached_property
    def _logs(self):
        return [tf.nn.log_softmax(scores) for scores in self.scores]

    def _taken(self, columns):
        chosen = tf.unstack(self.actions, axis=1)
        pairs = zip(columns, chosen, strict=True)
        return tf.stack([tf.gather(x, action, batch_dims=1) for x, action in pairs], axis=1)
