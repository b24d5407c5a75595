"""Every setting, typed. One class per stage, with the stage's name; unknown keys are refused.

`config/config.yaml` holds the value of every key; the other files in `config/` override it. The
classes carry no defaults on purpose: a number has one home, and that is the YAML.
"""

from jointreg.config.loading import load, optimize_settings, read_yaml
from jointreg.config.settings import (
    Background,
    Config,
    Crops,
    Dataset,
    Estimate,
    Evaluate,
    Figures,
    FitRegressor,
    LearningCurve,
    Networks,
    Optimize,
    Prepare,
    Segment,
    Settings,
    Synthesize,
    TrainDiscriminator,
    Triangulate,
)

__all__ = [
    "Background",
    "Config",
    "Crops",
    "Dataset",
    "Estimate",
    "Evaluate",
    "Figures",
    "FitRegressor",
    "LearningCurve",
    "Networks",
    "Optimize",
    "Prepare",
    "Segment",
    "Settings",
    "Synthesize",
    "TrainDiscriminator",
    "Triangulate",
    "load",
    "optimize_settings",
    "read_yaml",
]
