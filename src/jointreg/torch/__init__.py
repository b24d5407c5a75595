"""Joint regressors in training code: needs torch, which nothing below imports for it."""

from jointreg.torch.joints import JointRegressor

__all__ = ["JointRegressor"]
