"""Fits of the joint regressor (paper II-B)."""

from jointreg.exchange.regressor import Regressor
from jointreg.exchange.regressor_files import load_fitted, load_regressor, save_regressor
from jointreg.regressor.fitting import Training, fit, fit_regressor
from jointreg.regressor.normal_equations import Statistics

__all__ = [
    "Regressor",
    "Statistics",
    "Training",
    "fit",
    "fit_regressor",
    "load_fitted",
    "load_regressor",
    "save_regressor",
]
