"""The environment as other libraries of reinforcement learning see it."""

import numpy as np
import pytest

from kgkeras import agents
from tests.agents import worlds

gymnasium = pytest.importorskip("gymnasium")


@pytest.fixture
def game():
    graph, told, _ = worlds.families()
    environment = agents.GraphEnvironment.from_graph(graph)
    return agents.WalkGame(environment, told, steps=2, names=graph)


class _Forgiving(agents.WalkGame):
    """Takes the first action there is where the checker draws one that is not."""

    def step(self, action):
        mask = self._actions[2]
        return super().step(action if mask[action] else int(np.flatnonzero(mask)[0]))


def test_gymnasium_has_no_complaints(game):
    from gymnasium.utils import env_checker

    game = _Forgiving(game.environment, game.triples, steps=2)
    env_checker.check_env(game, skip_render_check=True)


def test_the_right_walk_is_rewarded(game):
    graph, told, _ = worlds.families()
    head, relation, tail = told[1].tolist()
    observation, info = game.reset(options={"triple": told[1]})
    assert info["answer"] == tail
    assert observation["position"] == head
    assert observation["query"] == relation
    assert observation["relation"] == game.environment.start
    for step, followed in enumerate((worlds.FIRST, worlds.SECOND)):
        there = set(
            zip(
                observation["action_relations"].tolist(),
                observation["action_tails"].tolist(),
                observation["action_mask"].tolist(),
                strict=True,
            )
        )
        wanted = worlds.edges(graph, int(observation["position"])) - {(relation, tail)}
        assert {(r, t) for r, t, legal in there if legal} == wanted
        legal = observation["action_mask"] & (observation["action_relations"] == followed)
        observation, reward, done, truncated, info = game.step(int(np.flatnonzero(legal)[0]))
        assert (reward, done, truncated) == ((0.0, False, False), (1.0, True, False))[step]
    assert game.render().startswith(graph.entities[head] + " -first-> ")
    assert not info["is_known"]
    with pytest.raises(ValueError, match="The episode is over"):
        game.step(0)
    # To stay at the head is no answer.
    game.reset(options={"triple": told[1]})
    assert game.step(0)[1:3] == (0.0, False)
    assert game.step(0)[1:3] == (0.0, True)


def test_what_is_not_allowed(game):
    observation, info = game.reset(seed=3)
    again, _ = game.reset(seed=3)
    assert again["position"] == observation["position"]
    illegal = int(np.flatnonzero(observation["action_mask"] == 0)[0])
    with pytest.raises(ValueError, match="`action` must be one of `action_mask`"):
        game.step(illegal)
    with pytest.raises(ValueError, match="`triples` must be ids"):
        agents.WalkGame(game.environment, [])
    assert info["answer"] in range(game.environment.num_entities)
