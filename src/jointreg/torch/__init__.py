"""Joint regressors in training code, as layers of torch."""

try:
    from jointreg.torch.joints import JointRegressor
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    cure = "jointreg.torch needs torch: pip install 'jointreg[networks]'"
    raise ModuleNotFoundError(cure, name="torch") from error

__all__ = ["JointRegressor"]
