"""Joint regressors in training code, as layers of torch."""

from jointreg.torch.joints import JointRegressor

__all__ = ["JointRegressor"]
