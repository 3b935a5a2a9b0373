"""Answers queries by walking to the answer."""

import keras
import numpy as np
import tensorflow as tf

from kgkeras.agents.beam import FLOOR, search, with_facts
from kgkeras.agents.reasoner_parts import check_parts
from kgkeras.agents.walk import Walk
from kgkeras.checks import positive_int
from kgkeras.kg.inverse import inverse_relation
from kgkeras.ops import num_replicas
from kgkeras.registration import serializable


@serializable
class PathReasoner(keras.Model):
    """Walkers that learn, from rewards alone, to end at the answer; trained by stock `fit`.

    In training each query is walked several times, `steps` steps each, and `learner` makes the
    loss of it: `compile` takes no loss. The reward of a walk is 1 at the answer; elsewhere 0 or,
    with `shaping`, how plausible a link predictor finds the end: its odds against the best. What
    is asked is hidden from its own walkers, and walks to another known answer say nothing for or
    against. Answers are found by beam search: an entity's score is the logarithm of the probability
    to come to it.

    Args:
        environment: `GraphEnvironment`.
        policy: `WalkPolicy`.
        queries: What kind of queries are asked: `RelationQueries` or `Questions`.
        learner: `Reinforce`, `MarginalLikelihood`, `ActorCritic` or `QLearning`.
        steps: Steps of a walk.
        walks: Walks of each query in training.
        beam: Walkers of each query that are kept in search.
        shaping: A `models.LinkPredictor` that cross-entropy has trained, or what has its
            `score_tails`; it is not trained on and not saved.

    Call arguments:
        inputs: Dict of what `queries` reads.

    Returns:
        Scores of all entities, float32 `(queries, num_entities)`; higher is more plausible.

    Raises:
        ValueError: If a part is missing what it must have, or a number is not positive.

    Example:
    ```python
    environment = GraphEnvironment.from_graph(graph)
    relations = layers.RelationEmbedding(environment.start + 1, dim=64)
    policy = WalkPolicy(relations, LSTMHistory(100), query_dim=64)
    model = PathReasoner(environment, policy, RelationQueries(), Reinforce())
    model.compile("adam")
    batches = pipelines.one_vs_all_batches(graph.with_inverses(), batch_size=128)
    model.fit(batches, steps_per_epoch=100, epochs=10)
    ranks = evaluation.rank(model, splits.test, splits, sides="tail")
    ```

    Reference: Das et al., ICLR 2018 (MINERVA); Lin et al., EMNLP 2018 (reward shaping, action
    dropout).
    """

    parts = ("environment", "policy", "queries", "learner")
    settings = ("steps", "walks", "beam")
    # `evaluation.rank` then asks for few queries at a time, rather than for some candidates.
    scores_all = True

    def __init__(
        self,
        environment,
        policy,
        queries,
        learner,
        *,
        steps=3,
        walks=20,
        beam=100,
        shaping=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_jit = False
        check_parts(environment, policy, queries, shaping)
        self.environment, self.policy = environment, policy
        self.queries, self.learner = queries, learner
        self.steps = positive_int("steps", steps)
        self.walks = positive_int("walks", walks)
        self.beam = positive_int("beam", beam)
        self._shaping = lambda: shaping  # As an attribute Keras would train and save it.
        self._learning = {name: keras.metrics.Mean(name=name) for name in learner.figures}
        self._judging = {"hits@1": keras.metrics.Mean(name="hits@1")}
        self._logged = self._learning
        self.learner.prepare(self)
        self.built = True

    @property
    def num_entities(self):
        """Number of entities."""
        return self.environment.num_entities

    @property
    def num_relations(self):
        """Number of relations without inverses."""
        return self.environment.num_relations

    @property
    def step(self):
        """Steps trained so far."""
        return self.optimizer.iterations if getattr(self, "optimizer", None) else 0

    # === Training ===

    def call(self, inputs, training=None):
        if training:  # `compute_loss` walks: nothing to do here.
            return self.queries.begin(inputs)
        return self.scores(inputs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        asked = self.queries.labelled(x, y)
        self._logged = self._learning if training else self._judging
        losses, figures = (
            self.learner.losses(self, asked) if training else self._judged(asked, y_pred)
        )
        for name, values in figures.items():
            self._logged[name].update_state(values)
        # Keras adds up the replicas' gradients.
        return (tf.reduce_mean(losses) + sum(self.losses)) / num_replicas()

    def _judged(self, asked, scores):
        """`-log` of the probability to come to an answer, and whether the best entity is one."""
        answers = self.queries.answers(asked)
        chances = tf.exp(tf.gather(scores, tf.maximum(answers, 0), batch_dims=1))
        chance = tf.reduce_sum(tf.where(answers >= 0, chances, 0), axis=1)
        best = tf.argmax(scores, axis=1, output_type=answers.dtype)[:, None]
        hits = tf.reduce_any(tf.equal(best, answers), axis=1)
        return -tf.math.log(chance + FLOOR), {"hits@1": tf.cast(hits, tf.float32)}

    def walk(self, asked, choose, *, walks=1, training):
        """Sends walkers to each query.

        Args:
            asked: Dict of what `queries` reads, the answers included: their own facts are hidden.
            choose: Function of the step and the scores `(walkers, actions)` that gives the actions
                to take, int32 `(walkers,)`, and the scores to remember.
            walks: Walkers of a query; they are next to each other.
            training: Whether dropout is active.

        Returns:
            `Walk`.
        """

        def each(structure):
            return tf.nest.map_structure(lambda x: tf.repeat(x, walks, axis=0), structure)

        position = tf.maximum(self.queries.begin(asked), 0)
        query = self.queries.vectors(asked, self.policy, training)
        state = self.policy.begin(position, query, self.environment.start, training)
        taken, seen, said, relations, entities = [], [], [], [], [tf.repeat(position, walks)]
        for step in range(self.steps):
            actions = self.environment(position)
            last = step + 1 == self.steps
            actions = self.queries.hide(self.environment, asked, position, actions, last)
            actions = self.environment.or_stay(actions)
            scores = self.policy.scores(state, actions, training)
            if step == 0:  # All walkers of a query begin alike: until here it has had but one.
                asked, state, actions, scores = each((asked, state, actions, scores))
            action, scores = choose(step, scores)
            relation, position = (tf.gather(ids, action, batch_dims=1) for ids in actions[:2])
            done = (action, state["seen"], scores, relation, position)
            for kept, new in zip((taken, seen, said, relations, entities), done, strict=True):
                kept.append(new)
            if not last:
                state = self.policy.go(state, relation, position, training)
        columns = (tf.stack(ids, axis=1) for ids in (taken, relations, entities))
        taken, relations, entities = columns
        return Walk(asked, walks, taken, said, seen, relations, entities, ends=actions[1])

    def rewards(self, walk):
        """`(rewards, counts)` of a `Walk`, float32 `(walkers,)`; `counts` is 0 or 1."""
        right, counts = self.queries.judge(self.environment, walk.asked, walk.end)
        reward = tf.cast(right, tf.float32)
        plausible = self.plausibility(walk)
        if plausible is not None:
            ends = tf.reshape(walk.end, [-1, walk.walks])
            odds = tf.reshape(tf.gather(plausible, ends, batch_dims=1), [-1])
            reward = tf.where(right, reward, odds)
        begun = self.queries.begin(walk.asked) >= 0
        return reward, tf.cast(counts & begun, tf.float32)

    def plausibility(self, walk):
        """How plausible `shaping` finds entities, `(queries, entities)`; None without it."""
        shaping = self._shaping()
        if shaping is None:
            return None
        # All walkers of a query ask the same.
        asked = {name: ids[:: walk.walks] for name, ids in walk.asked.items()}
        return tf.stop_gradient(self.queries.plausibility(shaping, self.environment, asked))

    @property
    def metrics(self):
        own = [self._loss_tracker] if self.compiled else []
        return [*own, *self._learning.values(), *self._judging.values()]

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        told = {"loss": self._loss_tracker, **self._logged}
        return {name: metric.result() for name, metric in told.items()}

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # The parts were built in the beginning. To learn shapes Keras would call the model, under
        # a strategy with the mean of the replicas' ids.
        if not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    # === Answers ===

    def search(self, inputs):
        """The `Beam` of each query: the most probable walks.

        Raises:
            ValueError: If something is missing, or is no integers.
        """
        missing = set(self.queries.asks) - set(inputs)
        if missing:
            raise ValueError(f"`inputs` must have {sorted(missing)}. Received: {sorted(inputs)}.")
        asked = {name: tf.convert_to_tensor(inputs[name]) for name in self.queries.asks}
        for name, ids in asked.items():
            if not (ids.dtype.is_integer or ids.dtype.is_bool):
                raise ValueError(f"`{name}` must hold ids, integers. Received: {ids.dtype.name}.")
            if ids.dtype.is_integer:
                asked[name] = tf.cast(ids, tf.int32)
        return search(self, asked)

    def answers(self, inputs, k):
        """The `k` best entities: dict of `answers`, `scores` (probabilities) and `facts`.

        As of `graph.RelationWalk`, filled up with -1 and 0; the facts are those of the best walk.
        """
        best = self.search(inputs).answers(k, self.num_entities)
        return with_facts(*best, self.environment.stay)

    def scores(self, inputs):
        """Logarithm of the probability to come to each entity: float32 `(queries, entities)`."""
        return self.search(inputs).scores(self.num_entities)

    def score_tails(self, head, relation, candidates=None):
        """Scores of queries `(head, relation, ?)`; arguments as for `LinkPredictor.score_tails`."""
        scores = self.scores({"head": head, "relation": relation})
        return scores if candidates is None else tf.gather(scores, candidates, axis=1)

    def score_heads(self, candidates, relation, tail):
        """Scores of queries `(?, relation, tail)`; otherwise as `score_tails`."""
        relation = inverse_relation(tf.convert_to_tensor(relation), self.num_relations)
        return self.score_tails(tail, relation, candidates)

    @property
    def bytes_per_score(self):
        """Memory that scoring one candidate for one query takes, about."""
        ways = self.beam * self.environment.max_actions
        return int(np.ceil(40 * ways / self.num_entities)) + 8

    # === Configuration ===

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **{part: serialize(getattr(self, part)) for part in self.parts},
            **{setting: getattr(self, setting) for setting in self.settings},
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        made = {
            part: keras.saving.deserialize_keras_object(config[part], custom_objects=custom_objects)
            for part in cls.parts
        }
        return cls(**{**config, **made})
