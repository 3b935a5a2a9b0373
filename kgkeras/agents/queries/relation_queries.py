"""Queries of a head and a relation, whose answers are tails."""

import keras
import tensorflow as tf

from kgkeras.registration import serializable


@serializable
class RelationQueries(keras.layers.Layer):
    """Asks for the tails of a head and a relation: "what does this entity stand in it to?".

    A kind of query tells where walkers begin, as what vector the policy sees the query, which
    action would betray the answer, and what a walk is worth.

    What is asked is a dict of `head` and `relation`, int32 `(queries,)`, and in training of `tail`.

    Args:
        new_only: Whether walks may end only at what the graph does not tell yet. What is learned is
            then not spent on how likely known answers are, to which scores are 0 in search; ranks
            leave them out anyway.
    """

    asks = ("head", "relation")
    # What is remembered of a query that is to be walked again.
    ids = ("head", "relation", "tail")

    def __init__(self, new_only=False, **kwargs):
        super().__init__(**kwargs)
        self.new_only = bool(new_only)

    def dim(self, policy):
        """Length of a query's vector."""
        return policy.relations.dim

    def vectors(self, asked, policy, training=None):
        """The queries as a `WalkPolicy` sees them, the same at each step: `(queries, 1, dim)`."""
        return policy.relations(asked["relation"], training=training)[:, None]

    def begin(self, asked):
        """Entity ids `(queries,)` to begin at."""
        return asked["head"]

    def labelled(self, asked, labels):
        """What is asked, with the answers; as `fit` and `evaluate` are given them."""
        if "tail" not in asked:
            raise ValueError(f"`x` must have 'tail', the answers. Received: {sorted(asked)}.")
        return {name: asked[name] for name in self.ids}

    def answers(self, asked):
        """The right answers: entity ids `(queries, 1)`."""
        return asked["tail"][:, None]

    def hide(self, environment, asked, position, actions, last):
        """The actions without the fact that is asked for and, at last, those to what is known."""
        head, relation = asked["head"], asked["relation"]
        if "tail" in asked:
            actions = environment.without(position, actions, (head, relation, asked["tail"]))
        if not (last and self.new_only):
            return actions
        followed, end, legal = actions
        known = environment.knows(head[:, None], relation[:, None], end)
        if "tail" in asked:
            known &= end != asked["tail"][:, None]
        return followed, end, legal & ~known

    def judge(self, environment, asked, ends):
        """What walks to some ends are worth.

        Args:
            environment: The `GraphEnvironment`.
            asked: What was asked, once for each walker.
            ends: Entity ids `(walkers,)` or `(walkers, n)`.

        Returns:
            `(right, counts)`, bool of the shape of `ends`: whether an end is the answer of its row;
            and False where it is another known answer, which says nothing for or against a walk.
            To reward that as well would teach to know the known by heart.
        """
        head, relation, tail = (
            tf.reshape(asked[name], [-1] + [1] * (len(ends.shape) - 1)) for name in self.ids
        )
        right = tf.equal(ends, tail)
        return right, right | ~environment.knows(head, relation, ends)

    def plausibility(self, shaping, environment, asked):
        """Odds of entities against the most plausible new answer, in `[0, 1]`.

        Facts that the link predictor was trained on are certain to it: beside them nothing would be
        plausible. So what is known has odds of 0.

        Returns:
            float32 `(queries, entities)`.
        """
        head, relation = asked["head"], asked["relation"]
        scores = shaping.score_tails(head, relation)
        known = environment.answers(head, relation)
        places = tf.stack([known.value_rowids(), tf.cast(known.flat_values, tf.int64)], axis=1)
        lowest = tf.fill(tf.shape(places)[:1], scores.dtype.min)
        new = tf.tensor_scatter_nd_update(scores, places, lowest)
        odds = tf.exp(new - tf.reduce_max(new, axis=1, keepdims=True))
        return tf.where(new > scores.dtype.min, odds, 0)

    def get_config(self):
        return {**super().get_config(), "new_only": self.new_only}
