"""What surrounds `fit`: configuration, devices, seeds, runs that can be resumed."""

from kgkeras.training.combined_figure import CombinedFigure
from kgkeras.training.config import parse_config, refuse_settings, setting
from kgkeras.training.devices import make_strategy
from kgkeras.training.resume import Resume
from kgkeras.training.run import TrainingRun, write_json
from kgkeras.training.seeds import set_seed

__all__ = [
    "CombinedFigure",
    "Resume",
    "TrainingRun",
    "make_strategy",
    "parse_config",
    "refuse_settings",
    "set_seed",
    "setting",
    "write_json",
]
