"""kgkeras: language models and knowledge graphs, trained together in Keras 3.

Rooms load when they are first used, so `import kgkeras` is quick and needs neither TF-GNN, TF Text
nor keras-hub.
"""

import importlib
import os

# oneDNN is off by default on CPUs without AVX-512, where it doubles float32 matrix products. Set
# before TensorFlow is first imported; a choice that the user made stands.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from kgkeras.version import __version__

_ROOMS = (
    "agents",
    "datasets",
    "evaluation",
    "export",
    "graph",
    "kg",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "pipelines",
    "regularizers",
    "scorers",
    "serving",
    "text",
    "training",
)

__all__ = ["__version__", *_ROOMS]


def __getattr__(name):
    if name in _ROOMS:
        return importlib.import_module(f"kgkeras.{name}")
    raise AttributeError(f"module 'kgkeras' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
