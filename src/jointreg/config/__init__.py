"""Every setting, typed. One class per block of the configuration; unknown keys are refused.

`config/config.yaml` contains the value of every key; the other files in `config/` override it. The
classes have no defaults on purpose: a number has one home, and that is the YAML.
"""

from jointreg.config.loading import fit_settings, load, optimize_settings
from jointreg.config.settings import (
    RECOMMENDED,
    REFERENCE,
    REFERENCE_REGRESSOR,
    Background,
    Config,
    Crop,
    Crops,
    Dataset,
    Estimate,
    Evaluate,
    Figures,
    FitLearningCurve,
    FitRegressor,
    Optimize,
    Prepare,
    RunNetwork,
    Segment,
    Settings,
    Synthesize,
    TrainDiscriminator,
    Triangulate,
)
from jointreg.config.solvers import solver_device
from jointreg.config.yaml_files import read_yaml

__all__ = [
    "RECOMMENDED",
    "REFERENCE",
    "REFERENCE_REGRESSOR",
    "Background",
    "Config",
    "Crop",
    "Crops",
    "Dataset",
    "Estimate",
    "Evaluate",
    "Figures",
    "FitLearningCurve",
    "FitRegressor",
    "Optimize",
    "Prepare",
    "RunNetwork",
    "Segment",
    "Settings",
    "Synthesize",
    "TrainDiscriminator",
    "Triangulate",
    "fit_settings",
    "load",
    "optimize_settings",
    "read_yaml",
    "solver_device",
]
