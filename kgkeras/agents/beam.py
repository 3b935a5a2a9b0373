"""Beam search for the most probable walks."""

import dataclasses

import tensorflow as tf

from kgkeras.agents.walk_policy import ILLEGAL

FLOOR = 1e-30  # The probability of an entity that no walk has come to.


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
        return tf.math.log(total + FLOOR)

    def answers(self, k, num_entities):
        """The `k` entities, at most all, that walks come to most probably; the best walk to each.

        Returns:
            `(entities, probabilities, relations, ways)`: int32 `(queries, k)`, -1 where there are
            fewer, float32 `(queries, k)`, and of the most probable walk int32 `(queries, k, steps)`
            and `(queries, k, steps + 1)`.
        """
        log_totals, answers = tf.math.top_k(self.scores(num_entities), k)
        ends, logs = (tf.reshape(x, [tf.shape(x)[0], -1]) for x in (self.ends, self.log_probs))
        there = ends[:, None] == answers[..., None]  # (queries, k, walks)
        places = tf.argmax(tf.where(there, logs[:, None], 2 * ILLEGAL), -1, tf.int32)
        total = tf.exp(log_totals)
        found = total > 2 * FLOOR
        return (
            tf.where(found, answers, -1),
            tf.where(found, total, 0.0),
            *self._walks(places),
        )

    def best(self, k):
        """The `k` most probable walks: `(relations, entities, log_probs)`.

        Returns:
            int32 `(queries, k, steps)`, int32 `(queries, k, steps + 1)`, float32 `(queries, k)`,
            the latter below -1e8 where there are fewer walks.
        """
        log_probs, places = tf.math.top_k(
            tf.reshape(self.log_probs, [tf.shape(self.log_probs)[0], -1]), k
        )
        return *self._walks(places), log_probs

    def _walks(self, places):
        """Relations and entities of walks, numbered `(queries, k)` in the order of `ends`."""
        beam = places // tf.shape(self.ends)[2]
        last, end = (
            tf.gather(tf.reshape(x, [tf.shape(x)[0], -1]), places, batch_dims=1)[..., None]
            for x in (self.last_relations, self.ends)
        )
        relations, entities = (
            tf.gather(x, beam, batch_dims=1) for x in (self.relations, self.entities)
        )
        return tf.concat([relations, last], -1), tf.concat([entities, end], -1)


def with_facts(answers, scores, relations, ways, stay):
    """What `Beam.answers` returns, as a dict that tells walks by their facts, without the stays."""
    facts = tf.stack([ways[..., :-1], relations, ways[..., 1:]], axis=-1)  # (queries, k, steps, 3)
    stays = (relations == stay) | (answers < 0)[..., None]
    facts = tf.where(stays[..., None], -1, facts)
    # The facts of a walk come first.
    order = tf.argsort(tf.cast(stays, tf.int32), axis=-1, stable=True)
    facts = tf.gather(facts, order, batch_dims=2)
    return {"answers": answers, "scores": scores, "facts": facts}


def search(reasoner, asked):
    """The `Beam` of each query; the walkers of a query are next to each other on the way."""
    environment, policy = reasoner.environment, reasoner.policy
    begin = tf.convert_to_tensor(reasoner.queries.begin(asked))
    position = tf.maximum(begin, 0)
    queries = tf.shape(position)[0]
    state = policy.begin(position, reasoner.queries.vectors(asked, policy), environment.start)
    log_prob = tf.where(begin >= 0, 0.0, ILLEGAL)[:, None]
    relations, entities = [], [position[:, None]]
    for step in range(reasoner.steps):
        last = step + 1 == reasoner.steps
        walkers = tf.shape(position)[0] // queries
        each = {name: tf.repeat(value, walkers, axis=0) for name, value in asked.items()}
        actions = environment(position)
        actions = reasoner.queries.hide(environment, each, position, actions, last)
        scores = policy.scores(state, actions)
        # (queries, walkers a query, actions)
        shape = [queries, tf.shape(log_prob)[1], environment.max_actions]
        # Where nothing is legal, all actions are as likely as one another.
        logs = tf.where(actions[2], tf.nn.log_softmax(scores), ILLEGAL)
        logs = log_prob[..., None] + tf.reshape(logs, shape)
        logs = tf.maximum(logs, ILLEGAL)
        relation, tail = (tf.reshape(ids, shape) for ids in actions[:2])
        if last:
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
