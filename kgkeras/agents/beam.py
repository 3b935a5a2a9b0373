"""Beam search for the most probable walks."""

import dataclasses

import tensorflow as tf

from kgkeras.agents.walk_policy import ILLEGAL

_FLOOR = 1e-30  # The probability of an entity that no walk has come to.


@dataclasses.dataclass(frozen=True)
class Beam:
    """Walks of each query, all but for their last steps, and every last step that they may take.

    Args:
        relations: int32 `(queries, beam, steps - 1)`: the relations followed.
        entities: int32 `(queries, beam, steps)`: the entities stood at, the first included.
        last_relations: int32 `(queries, beam, actions)`.
        ends: int32 `(queries, beam, actions)`: the entities come to.
        log_probs: float32 `(queries, beam, actions)`: of the whole walks; below -1e8 where there
            is no such walk.
    """

    relations: tf.Tensor
    entities: tf.Tensor
    last_relations: tf.Tensor
    ends: tf.Tensor
    log_probs: tf.Tensor

    def scores(self, num_entities):
        """Logarithm of the probability that a walk ends at each entity: `(queries, entities)`."""
        queries = tf.shape(self.ends)[0]
        rows = tf.repeat(tf.range(queries), tf.size(self.ends[0]))
        places = tf.stack([rows, tf.reshape(self.ends, [-1])], axis=1)
        probabilities = tf.reshape(tf.exp(self.log_probs), [-1])
        total = tf.scatter_nd(places, probabilities, [queries, num_entities])
        return tf.math.log(total + _FLOOR)

    def best(self, k):
        """The `k` most probable walks: `(relations, entities, log_probs)`.

        Returns:
            int32 `(queries, k, steps)`, int32 `(queries, k, steps + 1)`, float32 `(queries, k)`,
            the latter below -1e8 where there are fewer walks.
        """
        actions = tf.shape(self.ends)[2]
        flat = [
            tf.reshape(x, [tf.shape(x)[0], -1])
            for x in (self.log_probs, self.last_relations, self.ends)
        ]
        log_probs, places = tf.math.top_k(flat[0], k)
        last, end = (tf.gather(x, places, batch_dims=1)[..., None] for x in flat[1:])
        way = [
            tf.gather(x, places // actions, batch_dims=1) for x in (self.relations, self.entities)
        ]
        return tf.concat([way[0], last], -1), tf.concat([way[1], end], -1), log_probs


def search(reasoner, asked):
    """The `Beam` of each query; the walkers of a query are next to each other on the way."""
    environment, policy = reasoner.environment, reasoner.policy
    position = tf.convert_to_tensor(reasoner.queries.begin(asked))
    queries = tf.shape(position)[0]
    state = policy.begin(position, reasoner.queries.vectors(asked, policy), environment.start)
    log_prob = tf.zeros([queries, 1])
    relations, entities = [], [position[:, None]]
    for step in range(reasoner.steps):
        actions = environment(position)
        scores = policy.scores(state, actions)
        # (queries, walkers a query, actions)
        shape = [queries, tf.shape(log_prob)[1], environment.max_actions]
        logs = log_prob[..., None] + tf.reshape(tf.nn.log_softmax(scores), shape)
        logs = tf.maximum(logs, ILLEGAL)
        relation, tail = (tf.reshape(ids, shape) for ids in actions[:2])
        if step + 1 == reasoner.steps:
            break
        width = min(reasoner.beam, _most(environment.max_actions, step))
        log_prob, places = tf.math.top_k(tf.reshape(logs, [queries, -1]), width)
        parent = places // shape[2]
        chosen = [
            tf.gather(tf.reshape(x, [queries, -1]), places, batch_dims=1) for x in (relation, tail)
        ]
        relations = [tf.gather(x, parent, batch_dims=1) for x in relations] + [chosen[0]]
        entities = [tf.gather(x, parent, batch_dims=1) for x in entities] + [chosen[1]]
        rows = tf.reshape(parent + tf.range(queries)[:, None] * shape[1], [-1])
        state = tf.nest.map_structure(lambda x, rows=rows: tf.gather(x, rows), state)
        position = tf.reshape(chosen[1], [-1])
        state = policy.go(state, tf.reshape(chosen[0], [-1]), position)
    ways = tf.stack(relations, -1) if relations else tf.zeros([queries, 1, 0], tf.int32)
    return Beam(ways, tf.stack(entities, -1), relation, tail, logs)


def _most(actions, step):
    """Different walks of so many steps from one entity, at most."""
    return actions ** (step + 1)
