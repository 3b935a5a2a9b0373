"""Agents that walk a graph and learn from rewards."""

from kgkeras.agents.beam import Beam
from kgkeras.agents.graph_environment import GraphEnvironment
from kgkeras.agents.histories.lstm_history import LSTMHistory
from kgkeras.agents.histories.transformer_history import TransformerHistory
from kgkeras.agents.learning.actor_critic import ActorCritic
from kgkeras.agents.learning.learner import Learner
from kgkeras.agents.learning.marginal_likelihood import MarginalLikelihood
from kgkeras.agents.learning.q_learning import QLearning
from kgkeras.agents.learning.reinforce import Reinforce
from kgkeras.agents.path_reasoner import PathReasoner
from kgkeras.agents.queries.questions import Questions
from kgkeras.agents.queries.relation_queries import RelationQueries
from kgkeras.agents.walk import Walk
from kgkeras.agents.walk_game import WalkGame
from kgkeras.agents.walk_policy import WalkPolicy
from kgkeras.agents.writing.fact_reader import FactReader
from kgkeras.agents.writing.fact_tokens import FactTokens
from kgkeras.agents.writing.knowledge_writer import KnowledgeWriter
from kgkeras.agents.writing.self_critical import SelfCritical

__all__ = [
    "ActorCritic",
    "Beam",
    "FactReader",
    "FactTokens",
    "GraphEnvironment",
    "KnowledgeWriter",
    "LSTMHistory",
    "Learner",
    "MarginalLikelihood",
    "PathReasoner",
    "QLearning",
    "Questions",
    "Reinforce",
    "RelationQueries",
    "SelfCritical",
    "TransformerHistory",
    "Walk",
    "WalkGame",
    "WalkPolicy",
]
