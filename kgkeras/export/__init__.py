"""SavedModels for TensorFlow Serving: written, checked and warmed up before anyone sees them.

And vectors in files that other programs read.
"""

from kgkeras.export.any_model import export_model
from kgkeras.export.check import check_saved_model, refuse
from kgkeras.export.choices import export_choice_matcher, export_knowledge_classifier
from kgkeras.export.endpoint import Endpoint
from kgkeras.export.graph_text import export_graph_text_model
from kgkeras.export.joint import export_joint_model
from kgkeras.export.knowledge_writer import export_knowledge_writer
from kgkeras.export.link_predictor import export_link_predictor
from kgkeras.export.masked_lm import export_masked_lm
from kgkeras.export.models_config import ServedModel, write_models_config
from kgkeras.export.multitask import export_multitask_model
from kgkeras.export.path_reasoner import export_path_reasoner
from kgkeras.export.problem import ExportError, Problem
from kgkeras.export.question_answerer import export_question_answerer
from kgkeras.export.text_links import export_text_index
from kgkeras.export.token_tagger import export_token_tagger
from kgkeras.export.usage import usage
from kgkeras.export.vector_alignment import AlignedVectors, vectors_for
from kgkeras.export.vectors import Vectors, read_vectors, write_vectors
from kgkeras.export.warmup import run_warmup, write_warmup
from kgkeras.export.writer import write_saved_model

__all__ = [
    "AlignedVectors",
    "Endpoint",
    "ExportError",
    "Problem",
    "ServedModel",
    "Vectors",
    "check_saved_model",
    "export_choice_matcher",
    "export_graph_text_model",
    "export_joint_model",
    "export_knowledge_classifier",
    "export_knowledge_writer",
    "export_link_predictor",
    "export_masked_lm",
    "export_model",
    "export_multitask_model",
    "export_path_reasoner",
    "export_question_answerer",
    "export_text_index",
    "export_token_tagger",
    "read_vectors",
    "refuse",
    "run_warmup",
    "usage",
    "vectors_for",
    "write_models_config",
    "write_saved_model",
    "write_vectors",
    "write_warmup",
]
