"""One walker at a time, for libraries that speak Gymnasium."""

import numpy as np
import tensorflow as tf

from kgkeras.agents.queries.relation_queries import RelationQueries
from kgkeras.checks import describe, positive_int

try:
    import gymnasium
except ImportError:  # It is needed for this class alone.
    gymnasium = None

_Env = object if gymnasium is None else gymnasium.Env


class WalkGame(_Env):
    """A `gymnasium.Env` over a `GraphEnvironment`: answer a query by walking to the answer.

    Each episode asks for the tail of one fact, whose own edge is hidden; it ends after `steps`
    steps, with reward 1.0 at the answer, 0.0 elsewhere.

    Observations are dicts: `position`, `relation` (followed last; the environment's `start` before
    that) and `query` (the relation asked for), ids, and of the actions, in their order, what they
    follow, where they lead and which there are: `action_relations`, `action_tails` and, int8,
    `action_mask`, each `(max_actions,)`. `info` holds the mask, too, the `answer`, and whether the
    end `is_known` to answer the query beside it.

    Args:
        environment: `GraphEnvironment`.
        triples: Facts to ask for: ids, inverse relations included, int array `(n, 3)`.
        steps: Steps of an episode.
        names: `kg.KnowledgeGraph` that `render` takes names from; ids where None.

    Raises:
        ImportError: If Gymnasium is not installed.
        ValueError: If `triples` are not of this shape, or `steps` is not a positive integer.

    Example:
    ```python
    game = WalkGame(GraphEnvironment.from_graph(graph), graph.with_inverses().triples)
    observation, info = game.reset(seed=0)
    action = game.action_space.sample(info["action_mask"])
    observation, reward, terminated, truncated, info = game.step(action)
    ```
    """

    metadata = {"render_modes": ("ansi",)}  # noqa: RUF012  (Gymnasium's own form)

    def __init__(self, environment, triples, *, steps=3, names=None, render_mode=None):
        if gymnasium is None:
            raise ImportError("WalkGame needs Gymnasium: pip install 'kgkeras[rl]'")
        triples = np.asarray(triples)
        if triples.ndim != 2 or triples.shape[1] != 3 or not len(triples):
            raise ValueError(f"`triples` must be ids `(n, 3)`, n > 0. {describe(triples.shape)}.")
        self.environment, self.triples = environment, triples.astype("int32")
        self.steps, self.render_mode = positive_int("steps", steps), render_mode
        self.names = None if names is None else names.with_inverses()
        self._queries = RelationQueries()
        spaces, most = gymnasium.spaces, environment.max_actions
        entity, relation = environment.num_entities, environment.start + 1
        self.action_space = spaces.Discrete(most)
        self.observation_space = spaces.Dict(
            {
                "position": spaces.Discrete(entity),
                "relation": spaces.Discrete(relation),
                "query": spaces.Discrete(relation),
                "action_relations": spaces.MultiDiscrete(np.full(most, relation)),
                "action_tails": spaces.MultiDiscrete(np.full(most, entity)),
                "action_mask": spaces.MultiBinary(most),
            }
        )

    def reset(self, *, seed=None, options=None):
        """Begins an episode; `options={"triple": ids}` chooses the fact that is asked for."""
        super().reset(seed=seed)
        row = self.np_random.integers(len(self.triples))
        triple = (options or {}).get("triple", self.triples[row])
        names = ("head", "relation", "tail")
        self._asked = {name: tf.constant([int(x)]) for name, x in zip(names, triple, strict=True)}
        self._way = [(self.environment.start, int(triple[0]))]
        observation = self._observation()
        return observation, self._info()

    def step(self, action):
        """Takes an action.

        Raises:
            ValueError: If there is no such action here, or the episode is over.
        """
        if len(self._way) > self.steps:
            raise ValueError("The episode is over: call `reset`.")
        relations, tails, legal = self._actions
        if not (0 <= action < len(legal) and legal[action]):
            raise ValueError(f"`action` must be one of `action_mask`. {describe(action)}.")
        self._way.append((int(relations[action]), int(tails[action])))
        done = len(self._way) > self.steps
        observation, info = self._observation(), self._info()
        right = done and self._way[-1][1] == info["answer"]
        return observation, float(right), done, False, info

    def render(self):
        """The walk so far, in words."""
        steps = [f" -{self._relation(r)}-> {self._entity(e)}" for r, e in self._way[1:]]
        return self._entity(self._way[0][1]) + "".join(steps)

    def _observation(self):
        relation, position = self._way[-1]
        here = tf.constant([position])
        last = len(self._way) == self.steps
        actions = self._queries.hide(
            self.environment, self._asked, here, self.environment(here), last
        )
        self._actions = [x.numpy()[0] for x in self.environment.or_stay(actions)]
        return {
            "position": np.int64(position),
            "relation": np.int64(relation),
            "query": np.int64(self._asked["relation"][0]),
            "action_relations": self._actions[0].astype("int64"),
            "action_tails": self._actions[1].astype("int64"),
            "action_mask": self._actions[2].astype("int8"),
        }

    def _info(self):
        asked, end = self._asked, self._way[-1][1]
        known = self.environment.knows(asked["head"], asked["relation"], tf.constant([end]))
        answer, mask = int(asked["tail"][0]), self._actions[2].astype("int8")
        return {"action_mask": mask, "answer": answer, "is_known": bool(known[0]) and end != answer}

    def _entity(self, number):
        return str(number) if self.names is None else self.names.entity_name(number)

    def _relation(self, number):
        if number == self.environment.stay:
            return "(stay)"
        return str(number) if self.names is None else self.names.relation_name(number)
