"""SavedModels for TensorFlow Serving: written, checked and warmed up before anyone sees them."""

from kgkeras.export.check import check_saved_model, refuse
from kgkeras.export.endpoint import Endpoint
from kgkeras.export.joint import export_joint_model
from kgkeras.export.problem import ExportError, Problem
from kgkeras.export.usage import usage
from kgkeras.export.warmup import run_warmup, write_warmup
from kgkeras.export.writer import write_saved_model

__all__ = [
    "Endpoint",
    "ExportError",
    "Problem",
    "check_saved_model",
    "export_joint_model",
    "refuse",
    "run_warmup",
    "usage",
    "write_saved_model",
    "write_warmup",
]
