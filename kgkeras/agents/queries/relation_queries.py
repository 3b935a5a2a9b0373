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
    """

    asks = ("head", "relation")
    # What is remembered of a query that is to be walked again.
    ids = ("head", "relation", "tail")

    def dim(self, policy):
        """Length of a query's vector."""
        return policy.relations.dim

    def vectors(self, asked, policy, training=None):
        """The queries as a `WalkPolicy` sees them: `(queries, dim)`."""
        return policy.relations(asked["relation"], training=training)

    def begin(self, asked):
        """Entity ids `(queries,)` to begin at."""
        return asked["head"]

    def hide(self, environment, asked, position, actions):
        """The actions without the fact that is asked for."""
        triple = (asked["head"], asked["relation"], asked["tail"])
        return environment.without(position, actions, triple)

    def judge(self, environment, walk):
        """What walkers have reached.

        Returns:
            `(right, counts)`, bool `(walkers,)`: whether a walk has ended at the answer of its row;
            and False where it has ended at another known answer, which says nothing for or against
            it. To reward that as well would teach to know the known by heart.
        """
        right = walk.end == walk.asked["tail"]
        known = environment.knows(walk.asked["head"], walk.asked["relation"], walk.end)
        return right, right | ~known

    def plausibility(self, shaping, walk):
        """Odds of ends against the most plausible entity, in `[0, 1]`: `(walkers,)`."""
        # All walkers of a query ask the same.
        head, relation = (walk.asked[name][:: walk.walks] for name in ("head", "relation"))
        scores = shaping.score_tails(head, relation)  # (queries, entities)
        scores -= tf.reduce_max(scores, axis=1, keepdims=True)
        ends = tf.reshape(walk.end, [-1, walk.walks])
        return tf.reshape(tf.exp(tf.gather(scores, ends, batch_dims=1)), [-1])
