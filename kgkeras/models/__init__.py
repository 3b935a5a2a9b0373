"""Keras models composed of the layers."""

import keras

# Saved models hold these by name: they must be known before one is loaded.
from kgkeras import losses, regularizers, scorers  # noqa: F401
from kgkeras.models.choice_matcher import ChoiceMatcher
from kgkeras.models.ensemble_predictor import EnsemblePredictor
from kgkeras.models.entity_typer import EntityTyper
from kgkeras.models.fused_encoder import FusedEncoder
from kgkeras.models.fused_link_predictor import FusedLinkPredictor
from kgkeras.models.graph_text import GraphTextModel
from kgkeras.models.joint import JointModel
from kgkeras.models.knowledge_classifier import KnowledgeClassifier
from kgkeras.models.knowledge_distillation import KnowledgeDistillation
from kgkeras.models.knowledge_masked_lm import KnowledgeMaskedLM
from kgkeras.models.link_predictor import LinkPredictor
from kgkeras.models.multitask import MultiTaskModel
from kgkeras.models.named_answers import Answer
from kgkeras.models.path_predictor import PathPredictor
from kgkeras.models.question_answerer import QuestionAnswerer
from kgkeras.models.relation_classifier import RelationClassifier
from kgkeras.models.text_index import TextIndex
from kgkeras.models.text_link_predictor import TextLinkPredictor
from kgkeras.models.token_tagger import TokenTagger
from kgkeras.models.vocabulary import Vocabulary

if keras.backend.backend() == "tensorflow":
    from kgkeras import optimizers  # noqa: F401

__all__ = [
    "Answer",
    "ChoiceMatcher",
    "EnsemblePredictor",
    "EntityTyper",
    "FusedEncoder",
    "FusedLinkPredictor",
    "GraphTextModel",
    "JointModel",
    "KnowledgeClassifier",
    "KnowledgeDistillation",
    "KnowledgeMaskedLM",
    "LinkPredictor",
    "MultiTaskModel",
    "PathPredictor",
    "QuestionAnswerer",
    "RelationClassifier",
    "TextIndex",
    "TextLinkPredictor",
    "TokenTagger",
    "Vocabulary",
]
